package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.Model;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Computes logits from rows of the residual stream: the final norm and the unembedding, with the
 * operations and weights that serve.
 */
public final class Unembedding implements AutoCloseable {
  /** Maximum bytes of logits that are computed at once. */
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
   * @param residual its input
   * @param ops its operations
   * @param logits its output
   */
  record End(Buffer residual, List<Op> ops, Buffer logits) {
    /** Returns the end of a model. */
    static End of(Model model) {
      Preconditions.requireOneStream(model, "unembedding of a residual stream");
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

    /** Returns the number of rows per run, limited by the size of their logits. */
    int rows() {
      return Math.clamp(LOGIT_BYTES / (logits.width() * 4L), 1, MAX_ROWS);
    }
  }

  /** Opens the end of a model, which must stay open. */
  public static Unembedding of(Model model) {
    return of(model, End.of(model));
  }

  /** Opens the end of a model up to the product with W_U, without bias, scale and soft cap. */
  public static Unembedding product(Model model) {
    Preconditions.requireOneStream(model, "unembedding of a residual stream");
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

  /** Receives logits. */
  @FunctionalInterface
  public interface RowConsumer {
    /**
     * Receives the logits of a row.
     *
     * @param row its number
     * @param logits [V] f32, valid during the call
     */
    void take(int row, MemorySegment logits);
  }

  /**
   * Computes the logits of rows of a residual stream and passes them in order.
   *
   * @param residuals [rows, d] f32
   */
  public void logits(MemorySegment residuals, RowConsumer taker) {
    long rowBytes = width * 4L;
    int rows = Math.toIntExact(residuals.byteSize() / rowBytes);
    plan.run(
        rows, (i, row) -> row.copyFrom(residuals.asSlice(i * rowBytes, rowBytes)), taker::take);
  }

  /**
   * Computes the logits of rows of a residual stream and passes them in order.
   *
   * @param residuals [rows][d]
   */
  public void logits(float[][] residuals, RowConsumer taker) {
    plan.run(
        residuals.length,
        (i, row) -> MemorySegment.copy(residuals[i], 0, row, JAVA_FLOAT, 0, width),
        taker::take);
  }

  /** Returns the logits [rows][V] of rows of a residual stream, [rows][d]. */
  public float[][] logits(float[][] residuals) {
    var all = new float[residuals.length][];
    logits(residuals, (row, logits) -> all[row] = logits.toArray(JAVA_FLOAT));
    return all;
  }

  @Override
  public void close() {
    plan.close();
  }
}
