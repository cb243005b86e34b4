package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Reads a model's weight matrices as floats, in the row-vector convention of the literature: {@code
 * y = x M}. Rows are read by multiplying unit vectors with the kernels that serve, for any weight
 * type and memory layout.
 */
public final class ModelMatrices {
  /** Rows per read. */
  private static final int ROWS = 256;

  private final Lens lens;
  private final HookMap hooks;
  private final Executor executor;

  private ModelMatrices(Lens lens) {
    this.lens = lens;
    this.hooks = lens.hooks();
    this.executor = lens.model().executor();
  }

  /** Returns the matrices of a lens's model, which must stay open. */
  public static ModelMatrices of(Lens lens) {
    return new ModelMatrices(lens);
  }

  /**
   * Returns rows of the matrix that computes the activation at a point: W_Q, W_K and W_V at {@code
   * hook_q}, {@code hook_k} and {@code hook_v}, W_O at {@code hook_attn_out}, W_in at {@code
   * mlp.hook_pre}, W_out at {@code hook_mlp_out}, W_U at {@code unembed.hook_out}. Biases, gains
   * and norms before and after the product are not included.
   *
   * @param from the first row: an element of the product's input
   * @param count number of rows
   * @return [count][N]
   * @throws InvalidInputException if the activation is not the product of one matrix, or the matrix
   *     does not have these rows
   */
  public float[][] rows(HookPoint point, int from, int count) {
    Weights weights = hooks.product(point).weights();
    Preconditions.require(
        from >= 0 && count >= 1 && count <= weights.k() - from,
        "rows of the matrix of " + point,
        from + ":" + ((long) from + count),
        "it has " + weights.k());
    var rows = new float[count][weights.n()];
    try (RowPlan plan = RowPlan.product(executor, weights, Math.min(count, ROWS))) {
      plan.run(
          count,
          (i, row) -> row.fill((byte) 0).setAtIndex(JAVA_FLOAT, from + i, 1),
          (i, row) -> copy(row, rows[i]));
    }
    return rows;
  }

  /** Returns the number of rows of the matrix that computes the activation at a point. */
  public int height(HookPoint point) {
    return hooks.product(point).weights().k();
  }

  private static void copy(MemorySegment row, float[] into) {
    MemorySegment.copy(row, JAVA_FLOAT, 0, into, 0, into.length);
  }

  /** Receives embeddings. */
  @FunctionalInterface
  public interface RowConsumer {
    /** Receives the embedding [d] of a token. */
    void take(int token, float[] embedding);
  }

  /** Passes the rows of W_E of tokens, in order, times the model's embedding factor. */
  public void embeddings(int[] tokens, RowConsumer taker) {
    embeddings(tokens, null, taker);
  }

  /**
   * Passes effective embeddings (Wang et al. 2023, arXiv 2211.00593): each embedding plus the
   * output of the first feed-forward block for it. Sublayers before that block, such as attention,
   * are skipped.
   *
   * @throws InvalidInputException if the model has no feed-forward block
   */
  public void effectiveEmbeddings(int[] tokens, RowConsumer taker) {
    int layer =
        hooks
            .firstMlp()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "effective embeddings", "", "the model has no feed-forward block"));
    Buffer read = hooks.buffer(hooks.beforeMlp(layer));
    Buffer out = hooks.buffer(new HookPoint(HookSite.MLP_OUT, layer));
    try (var first = new RowPlan(executor, read, hooks.between(read, out), out, ROWS)) {
      embeddings(tokens, first, taker);
    }
  }

  private void embeddings(int[] tokens, @Nullable RowPlan first, RowConsumer taker) {
    Buffer output = hooks.buffer(HookPoint.of(HookSite.EMBED));
    Op.Embed embed = hooks.embedding();
    try (var plan = new RowPlan(executor, embed, hooks.between(embed.y(), output), output, ROWS)) {
      for (int begin = 0; begin < tokens.length; begin += ROWS) {
        int[] some = Arrays.copyOfRange(tokens, begin, Math.min(tokens.length, begin + ROWS));
        plan.run(some);
        var rows = new float[some.length][output.width()];
        for (int i = 0; i < some.length; i++) {
          copy(plan.output(i), rows[i]);
        }
        if (first != null) {
          first.run(
              some.length,
              (i, row) -> row.copyFrom(MemorySegment.ofArray(rows[i])),
              (i, row) -> Vectors.add(rows[i], row.toArray(JAVA_FLOAT)));
        }
        for (int i = 0; i < some.length; i++) {
          taker.take(some[i], rows[i]);
        }
      }
    }
  }

  /**
   * Returns the gain of a norm, [d], or ones if it has none.
   *
   * @param point such as {@code ln1.hook_normalized}
   * @throws InvalidInputException if the point is not in a norm
   */
  public float[] gain(HookPoint point) {
    if (lens.has(point) && hooks.source(point) instanceof HookSource.Norm norm && !norm.divisor()) {
      return gain(norm.op());
    }
    throw new InvalidInputException("hook", point.name(), "is not in a norm");
  }

  /**
   * Returns the gain of the norm that computes the input of the matrix at a point, [K], or ones if
   * the input is not the output of a norm.
   *
   * @throws InvalidInputException if the activation is not the product of one matrix
   */
  public float[] gainBefore(HookPoint point) {
    return hooks.normBefore(point).map(ModelMatrices::gain).orElseGet(() -> ones(height(point)));
  }

  private static float[] gain(Op.Norm norm) {
    @Nullable Weights gain = norm.gain();
    return gain == null ? ones(norm.d()) : gain.data().toArray(JAVA_FLOAT);
  }

  private static float[] ones(int n) {
    var ones = new float[n];
    Arrays.fill(ones, 1);
    return ones;
  }
}
