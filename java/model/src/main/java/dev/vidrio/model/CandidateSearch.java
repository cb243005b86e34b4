package dev.vidrio.model;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The search for the most likely tokens, which is the last operation of a session's plan. It runs
 * for all rows of a step when the first is asked for.
 */
final class CandidateSearch {
  private final ExecutablePlan plan;
  private final OutputRows values;
  private final OutputRows ids;
  private final OutputRows sums;
  private boolean ran;

  /**
   * @param plan that ends with the operation
   */
  CandidateSearch(ExecutablePlan plan, Op.TopK op) {
    this.plan = plan;
    this.values = OutputRows.of(plan, op.values());
    this.ids = OutputRows.of(plan, op.ids());
    this.sums = OutputRows.of(plan, op.sums());
  }

  /** The operation that searches logits. */
  static Op.TopK operation(Buffer logits) {
    int k = Math.min(Session.CANDIDATES, logits.width());
    return new Op.TopK(
        logits,
        new Buffer("candidates.values", logits.rows(), k),
        new Buffer("candidates.ids", logits.rows(), k),
        new Buffer("candidates.sums", logits.rows(), 2));
  }

  /** Its index in the plan, and the number of the operations before it. */
  int index() {
    return plan.plan().ops().size() - 1;
  }

  /** Another step begins. */
  void clear() {
    ran = false;
  }

  /** What is found in row i of a step. */
  Candidates row(Batch step, int i) {
    if (!ran) {
      plan.run(step, index(), index() + 1);
      ran = true;
    }
    MemorySegment sum = sums.row(i);
    return new Candidates(
        ids.row(i),
        values.row(i),
        sum.getAtIndex(ValueLayout.JAVA_FLOAT, 0),
        sum.getAtIndex(ValueLayout.JAVA_FLOAT, 1));
  }
}
