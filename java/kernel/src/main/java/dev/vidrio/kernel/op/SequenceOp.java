package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Operations that depend on a token's sequence and position. */
public sealed interface SequenceOp extends Op {
  /** Rotary position embedding of heads of {@code dH} elements. */
  record Rope(Rotation rotation, int dH, Buffer x, Buffer y) implements SequenceOp {
    public Rope {
      requireSame(x, y);
      require(dH > 0 && x.width() % dH == 0 && rotation.width() <= dH, y, "head width");
      require(y.rows() == Rows.TOKENS, y, "rows");
    }

    /** Number of heads. */
    public int heads() {
      return x.width() / dH;
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /**
   * Stores keys [n, H_kv, d_h] and values [n, H_kv, d_v] in a layer of the cache, at the tokens'
   * positions.
   */
  record KvStore(int layer, Buffer k, Buffer v) implements SequenceOp {
    public KvStore {
      require(layer >= 0 && k.rows() == Rows.TOKENS && v.rows() == k.rows(), k, "layer or rows");
    }

    @Override
    public List<Operand> reads() {
      return List.of(k, v);
    }

    @Override
    public List<Operand> writes() {
      return List.of();
    }
  }

  /**
   * Causal attention of each token over its sequence up to itself: q [n, H, d_h] → z [n, H, d_v].
   *
   * @param heads H, a multiple of the cache's H_kv
   * @param scale of the scores, usually 1/√d_h
   * @param window positions attended to
   * @param cap scores s become cap · tanh(s / cap); 0 for none
   * @param sinks vector [H], a score of each head that stands for no position and takes its share;
   *     or null
   * @param slopes vector [H] by which the scores of a head fall with the distance of positions
   *     (ALiBi, arXiv 2108.12409), or null
   */
  record Attention(
      int layer,
      int heads,
      float scale,
      Window window,
      float cap,
      @Nullable Weights sinks,
      @Nullable Weights slopes,
      Buffer q,
      Buffer z)
      implements SequenceOp {
    public Attention {
      require(cap >= 0, z, "cap");
      requireVector(sinks, z, heads);
      requireVector(slopes, z, heads);
      require(layer >= 0 && heads > 0, z, "layer or heads");
      require(q.width() % heads == 0 && z.width() % heads == 0, z, "width");
      require(q.rows() == Rows.TOKENS && z.rows() == Rows.TOKENS, z, "rows");
    }

    /** Attention to all positions, without cap, sinks and slopes. */
    public Attention(int layer, int heads, float scale, Buffer q, Buffer z) {
      this(layer, heads, scale, Window.ALL, 0, null, null, q, z);
    }

    @Override
    public List<Operand> reads() {
      return List.of(q);
    }

    @Override
    public List<Operand> writes() {
      return List.of(z);
    }
  }

  /** What linear attention reads. */
  enum Part {
    QUERY,
    KEY,
    VALUE
  }

  /** How a state takes a token up. */
  enum Update {
    /** {@code S + k (β v)ᵀ}, arXiv 2405.21060. */
    SUM,
    /** {@code S + k (β (v − Sᵀ k))ᵀ}, the gated delta rule, arXiv 2412.06464. */
    DELTA
  }

  /** Which key head a head of values has. */
  enum Grouping {
    /** Those of a key head lie side by side. */
    ADJACENT,
    /** Head h has key head h mod H_k. */
    TILED
  }

  /**
   * Linear attention with a state S [d_k, d_v] of each head, in a layer of the cache: S decays by
   * {@code exp(a · step)}, takes the token up, and gives {@code z = Sᵀ q} [n, H, d_v].
   *
   * @param a vector [H], not positive
   * @param skip vector [H], how much of a token's value its result gets at once, or null for none
   */
  record Recurrence(
      int layer,
      Update update,
      Grouping grouping,
      Weights a,
      @Nullable Weights skip,
      Inputs inputs,
      Buffer z)
      implements SequenceOp {
    public Recurrence {
      requireSame(inputs.q, inputs.k);
      requireSame(inputs.v, z);
      requireSame(inputs.step, inputs.beta);
      requireVector(a, z, inputs.step.width());
      requireVector(skip, z, inputs.step.width());
      require(layer >= 0 && z.rows() == Rows.TOKENS, z, "layer or rows");
      require(inputs.q.rows() == z.rows() && inputs.step.rows() == z.rows(), z, "rows");
    }

    /**
     * What it reads of each token; or the gradients of that.
     *
     * @param q queries [n, H_k, d_k]
     * @param k keys [n, H_k, d_k]
     * @param v values [n, H, d_v]
     * @param step [n, H]
     * @param beta strength of the update [n, H]
     */
    public record Inputs(Buffer q, Buffer k, Buffer v, Buffer step, Buffer beta) {
      /** All of them, in this order. */
      public List<Buffer> all() {
        return List.of(q, k, v, step, beta);
      }

      /** The same with another activation in the place of each. */
      public Inputs map(UnaryOperator<Buffer> other) {
        return new Inputs(
            other.apply(q), other.apply(k), other.apply(v), other.apply(step), other.apply(beta));
      }
    }

    /** The same over other activations. */
    public Recurrence over(Inputs newInputs, Buffer newZ) {
      return new Recurrence(layer, update, grouping, a, skip, newInputs, newZ);
    }

    @Override
    public List<Operand> reads() {
      return List.copyOf(inputs.all());
    }

    @Override
    public List<Operand> writes() {
      return List.of(z);
    }
  }

  /**
   * Causal convolution of each column on its own along a sequence: each row of y is the sum of the
   * last L rows of x up to its own, times those of the kernel. Rows of x are stored in a layer of
   * the cache, and those of earlier steps read there; before position 0 there is nothing.
   *
   * @param part what of a recurrent layer it convolves; null in a layer that is a convolution
   * @param kernel [L, d] of f32, the last row of which multiplies the token's own
   */
  record Conv(int layer, @Nullable Part part, Weights kernel, Buffer x, Buffer y)
      implements SequenceOp {
    public Conv {
      requireSame(x, y);
      require(layer >= 0 && y.rows() == Rows.TOKENS, y, "layer or rows");
      require(
          kernel.k() == y.width()
              && kernel.type() == WeightType.F32
              && kernel.layout() == Weights.Layout.ROWS,
          y,
          kernel.name());
    }

    /** L. */
    public int length() {
      return kernel.n();
    }

    /** The first position that a token at {@code position} reads. */
    public int first(int position) {
      return Math.max(0, position + 1 - length());
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }
}
