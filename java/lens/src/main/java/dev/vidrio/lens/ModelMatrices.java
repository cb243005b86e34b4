package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.lens.plan.HookMap;
import dev.vidrio.lens.plan.HookSource;
import dev.vidrio.lens.plan.RowPlan;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A model's matrices as floats, in the papers' row-vector convention: {@code y = x M}. They are
 * read from the running model by multiplying unit vectors, whatever their type and memory layout.
 */
public final class ModelMatrices {
  /** Rows that are read at once. */
  private static final int ROWS = 256;

  private final Lens lens;
  private final HookMap hooks;
  private final Executor executor;

  private ModelMatrices(Lens lens) {
    this.lens = lens;
    this.hooks = lens.hooks();
    this.executor = lens.model().executor();
  }

  /** The matrices of a lens's model, which must stay open. */
  public static ModelMatrices of(Lens lens) {
    return new ModelMatrices(lens);
  }

  /**
   * Rows of the matrix by which a point's activation is made: W_Q, W_K and W_V at {@code hook_q},
   * {@code hook_k} and {@code hook_v}, W_O at {@code hook_attn_out}, W_in at {@code mlp.hook_pre},
   * W_out at {@code hook_mlp_out}, W_U at {@code unembed.hook_out}. Biases, gains and norms before
   * and after it are left out.
   *
   * @param from the first row: an element of what is multiplied
   * @param count rows
   * @return [count][N]
   * @throws InvalidInputException when no one matrix makes the activation, or it has no such rows
   */
  public float[][] rows(HookPoint point, int from, int count) {
    Weights weights = hooks.product(point).weights();
    if (from < 0 || count < 1 || count > weights.k() - from) {
      throw new InvalidInputException(
          "rows of the matrix of " + point,
          from + ":" + ((long) from + count),
          "it has " + weights.k());
    }
    var rows = new float[count][weights.n()];
    try (RowPlan plan = RowPlan.product(executor, weights, Math.min(count, ROWS))) {
      plan.run(
          count,
          (i, row) -> row.fill((byte) 0).setAtIndex(JAVA_FLOAT, from + i, 1),
          (i, row) -> copy(row, rows[i]));
    }
    return rows;
  }

  /** Number of rows of the matrix by which a point's activation is made. */
  public int height(HookPoint point) {
    return hooks.product(point).weights().k();
  }

  private static void copy(MemorySegment row, float[] into) {
    MemorySegment.copy(row, JAVA_FLOAT, 0, into, 0, into.length);
  }

  /** Takes an embedding. */
  @FunctionalInterface
  public interface Taker {
    /** Takes the embedding of a token, [d]. */
    void take(int token, float[] embedding);
  }

  /** Hands out rows of W_E, times the factor that the model has: those of some tokens, in order. */
  public void embeddings(int[] tokens, Taker taker) {
    embeddings(tokens, null, taker);
  }

  /**
   * The same, each with what the first feed-forward block makes of it added: effective embeddings
   * (Wang et al. 2023, arXiv 2211.00593), since that is where models finish their words. Blocks of
   * Nemotron-H are one step each; what stands before that one is passed over like its attention.
   *
   * @throws InvalidInputException when the model has no feed-forward block
   */
  public void effectiveEmbeddings(int[] tokens, Taker taker) {
    int layer =
        hooks
            .firstMlp()
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "effective embeddings",
                        "",
                        "the model has no feed-forward block, which makes them"));
    Buffer read = buffer(hooks.beforeMlp(layer));
    Buffer out = buffer(new HookPoint(HookSite.MLP_OUT, layer));
    try (var first = new RowPlan(executor, read, hooks.between(read, out), out, ROWS)) {
      embeddings(tokens, first, taker);
    }
  }

  private void embeddings(int[] tokens, @Nullable RowPlan first, Taker taker) {
    Buffer output = buffer(HookPoint.of(HookSite.EMBED));
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

  private Buffer buffer(HookPoint point) {
    return hooks.source(point).captured().getFirst();
  }

  /**
   * The gain of a norm, [d]; ones where it has none.
   *
   * @param point such as {@code ln1.hook_normalized}
   * @throws InvalidInputException when the point is no norm's
   */
  public float[] gain(HookPoint point) {
    if (lens.has(point) && hooks.source(point) instanceof HookSource.Normalized normalized) {
      return gain(normalized.norm());
    }
    throw new InvalidInputException("hook", point.name(), "is not what a norm makes");
  }

  /**
   * The gain of the norm whose output the matrix of a point multiplies, [K]; ones where it
   * multiplies something else.
   *
   * @throws InvalidInputException when no one matrix makes the activation
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

  /** H, query heads of a layer. */
  public int heads(int layer) {
    return hooks.heads(layer);
  }
}
