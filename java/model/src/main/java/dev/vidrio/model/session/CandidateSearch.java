package dev.vidrio.model.session;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.sampling.Candidates;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The top-k search for the most likely tokens, the last operation of a session's plan. It runs only
 * when the first row of a step is requested, for all rows at once.
 */
final class CandidateSearch {
  private final ExecutablePlan plan;
  private final BufferRows values;
  private final BufferRows ids;
  private final BufferRows sums;
  private boolean ran;

  /**
   * Creates the search of a plan.
   *
   * @param plan ends with {@code op}
   */
  CandidateSearch(ExecutablePlan plan, Op.TopK op) {
    this.plan = plan;
    this.values = BufferRows.of(plan, op.values());
    this.ids = BufferRows.of(plan, op.ids());
    this.sums = BufferRows.of(plan, op.sums());
  }

  /** Returns the operation that searches logits. */
  static Op.TopK operation(Buffer logits) {
    int k = Math.min(Session.CANDIDATES, logits.width());
    return new Op.TopK(
        logits,
        new Buffer("candidates.values", logits.rows(), k),
        new Buffer("candidates.ids", logits.rows(), k),
        new Buffer("candidates.sums", logits.rows(), 2));
  }

  /** Returns the index of the operation in the plan. */
  int index() {
    return plan.plan().ops().size() - 1;
  }

  /** Discards the results, at the beginning of a step. */
  void clear() {
    ran = false;
  }

  /** Returns the candidates of row i of a step. */
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
