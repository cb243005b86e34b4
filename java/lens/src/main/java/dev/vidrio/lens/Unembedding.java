package dev.vidrio.lens;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The end of a model: from a row of the residual stream through the final norm to logits, with the
 * operations and weights that serve.
 */
public final class Unembedding implements AutoCloseable {
  /** Bytes of logits that are computed at once, at most. */
  private static final long LOGIT_BYTES = 32L << 20;

  private static final int MAX_ROWS = 256;

  private final RowPlan plan;
  private final int width;

  private Unembedding(RowPlan plan, int width) {
    this.plan = plan;
    this.width = width;
  }

  /**
   * The end of a plan.
   *
   * @param residual what it reads
   * @param ops its operations
   * @param logits what it makes
   */
  record End(Buffer residual, List<Op> ops, Buffer logits) {
    /** The whole end of a model. */
    static End of(Model model) {
      Preconditions.requireOneStream(model, "unembedding of a stream");
      List<Op> ops = model.architecture().plan().ops();
      return of(ops, model.architecture().plan().buffer(HookSite.LOGITS.suffix()));
    }

    private static End of(List<Op> ops, Buffer logits) {
      int begin = 0;
      while (!(ops.get(begin) instanceof Op.Gather)) {
        begin++;
      }
      Buffer residual = ((Op.Gather) ops.get(begin)).x();
      return new End(residual, ops.subList(begin, ops.size()), logits);
    }

    /** Rows that it is run with at once: as many as leave the logits small. */
    int rows() {
      return Math.clamp(LOGIT_BYTES / (logits.width() * 4L), 1, MAX_ROWS);
    }
  }

  /** The end of a model, which must stay open. */
  public static Unembedding of(Model model) {
    return of(model, End.of(model));
  }

  /** The same up to the product with W_U: without bias, factor and soft cap. */
  public static Unembedding product(Model model) {
    Preconditions.requireOneStream(model, "unembedding of a stream");
    List<Op> ops = model.architecture().plan().ops();
    int last = ops.size() - 1;
    while (!(ops.get(last) instanceof Op.MatMul)) {
      last--;
    }
    return of(model, End.of(ops.subList(0, last + 1), ((Op.MatMul) ops.get(last)).y()));
  }

  private static Unembedding of(Model model, End end) {
    var plan = new RowPlan(model.executor(), end.residual, end.ops, end.logits, end.rows());
    return new Unembedding(plan, end.residual.width());
  }

  /** Takes logits. */
  @FunctionalInterface
  public interface RowConsumer {
    /**
     * Takes the logits of a row.
     *
     * @param row its number
     * @param logits [V] f32, valid during the call
     */
    void take(int row, MemorySegment logits);
  }

  /**
   * Computes the logits of rows of a residual stream, and hands them out in order.
   *
   * @param residuals [rows, d] f32
   */
  public void logits(MemorySegment residuals, RowConsumer taker) {
    long rowBytes = width * 4L;
    int rows = Math.toIntExact(residuals.byteSize() / rowBytes);
    plan.run(
        rows, (i, row) -> row.copyFrom(residuals.asSlice(i * rowBytes, rowBytes)), taker::take);
  }

  @Override
  public void close() {
    plan.close();
  }
}
