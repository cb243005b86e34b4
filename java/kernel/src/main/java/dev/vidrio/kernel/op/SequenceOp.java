package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Scope.ALL;
import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireBias;
import static dev.vidrio.kernel.op.Shapes.requireSame;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Operations that depend on a token's sequence and position. */
public sealed interface SequenceOp extends Op {
  /** Rotary position embedding of heads of {@code dH} elements. */
  record Rope(Rotation rotation, int dH, Buffer x, Buffer y) implements SequenceOp {
    public Rope {
      requireSame(x, y);
      require(dH > 0 && x.width() % dH == 0 && rotation.width() <= dH, y, "head width");
      require(rotation.width() > 0, y, "rotation of no elements");
      require(y.rows() == Rows.TOKENS, y, "rows");
    }

    /** Returns the number of heads. */
    public int heads() {
      return x.width() / dH;
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW), write(y, ROW));
    }
  }

  /**
   * Stores keys [n, H_kv, d_h] and values [n, H_kv, d_v] in a layer of the cache, at the positions
   * of the tokens.
   */
  record KvStore(int layer, Buffer k, Buffer v) implements SequenceOp {
    public KvStore {
      require(layer >= 0 && k.rows() == Rows.TOKENS && v.rows() == k.rows(), k, "layer or rows");
    }

    @Override
    public List<Access> accesses() {
      return List.of(
          read(k, ROW),
          read(v, ROW),
          write(layer, new Access.StoredKeys(k.width())),
          write(layer, new Access.StoredValues(v.width())));
    }
  }

  /**
   * Attention of each token over its sequence up to itself, or over all of it if the window is
   * bidirectional: q [n, H, d_h] → z [n, H, d_v].
   *
   * @param heads H, a multiple of the cache's H_kv
   * @param scale factor on the scores, usually 1/√d_h
   * @param window positions attended to
   * @param cap soft cap: scores s become cap · tanh(s / cap); 0 for none
   * @param sinks vector [H] of a score per head that takes part in the softmax but has no position
   *     and no value (attention sinks), or null
   * @param bias term of the scores after the soft cap, or null
   */
  record Attention(
      int layer,
      int heads,
      float scale,
      Window window,
      float cap,
      @Nullable Weights sinks,
      @Nullable PositionBias bias,
      Buffer q,
      Buffer z)
      implements SequenceOp {
    public Attention {
      require(cap >= 0, z, "cap");
      requireVector(sinks, z, heads);
      requireBias(bias, z, heads);
      require(layer >= 0 && heads > 0, z, "layer or heads");
      require(q.width() % heads == 0 && z.width() % heads == 0, z, "width");
      require(q.rows() == Rows.TOKENS && z.rows() == Rows.TOKENS, z, "rows");
    }

    /** Creates attention to all positions, without cap, sinks and bias. */
    public Attention(int layer, int heads, float scale, Buffer q, Buffer z) {
      this(layer, heads, scale, Window.ALL, 0, null, null, q, z);
    }

    /** Returns the reads of the cache, followed by accesses to operands. */
    List<Access> cacheReadsAnd(Access... others) {
      Access keys = read(layer, new Access.AttendedKeys(heads, q.width()));
      Access values = read(layer, new Access.AttendedValues(heads, z.width()));
      return Stream.concat(Stream.of(keys, values), Stream.of(others)).toList();
    }

    @Override
    public List<Access> accesses() {
      return cacheReadsAnd(read(q, ROW), write(z, ROW));
    }
  }

  /**
   * The inputs of a recurrence that short convolutions compute; VALUE is one without recurrence.
   */
  enum Part {
    QUERY,
    KEY,
    VALUE
  }

  /** The update of a state S by a token. */
  enum Update {
    /** {@code S + k (β v)ᵀ}, arXiv 2405.21060. */
    SUM,
    /** {@code S + k (β (v − Sᵀ k))ᵀ}, the gated delta rule, arXiv 2412.06464. */
    DELTA
  }

  /** The assignment of value heads to key heads. */
  enum Grouping {
    /** The value heads of a key head are adjacent. */
    ADJACENT,
    /** Value head h has key head h mod H_k. */
    TILED
  }

  /**
   * Linear attention with a state S [d_k, d_v] per head, in a layer of the cache: S decays by
   * {@code exp(a · step)}, is updated by the token, and yields {@code z = Sᵀ q} [n, H, d_v].
   *
   * @param a vector [H], not positive
   * @param skip vector [H], the share of a token's value that is added to its result, or null
   */
  record Recurrence(
      int layer,
      Update update,
      Grouping grouping,
      Weights a,
      @Nullable Weights skip,
      Inputs<Buffer> inputs,
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
     * The inputs of each token, or their gradients, as activations or memory.
     *
     * @param <T> the type of an input
     * @param q queries [n, H_k, d_k]
     * @param k keys [n, H_k, d_k]
     * @param v values [n, H, d_v]
     * @param step [n, H]
     * @param beta strength of the update [n, H]
     */
    public record Inputs<T>(T q, T k, T v, T step, T beta) {
      /** Returns all inputs, in this order. */
      public List<T> all() {
        return List.of(q, k, v, step, beta);
      }

      /**
       * Returns the results of a function of each input.
       *
       * @param <U> the type of a result
       */
      public <U> Inputs<U> map(Function<? super T, ? extends U> other) {
        return new Inputs<>(
            other.apply(q), other.apply(k), other.apply(v), other.apply(step), other.apply(beta));
      }
    }

    /** Returns the shape that the layer of the cache must have. */
    Access.States states() {
      return new Access.States(inputs.q.width(), inputs.v.width(), inputs.step.width());
    }

    @Override
    public List<Access> accesses() {
      List<Access> accesses = new ArrayList<>();
      inputs.all().forEach(x -> accesses.add(read(x, ALL)));
      accesses.add(write(layer, states()));
      accesses.add(write(z, ROW));
      return accesses;
    }
  }

  /**
   * A recurrence of independent elements with its states h in a layer of the cache: {@code h =
   * exp(decay) · h + gate · x}, and x at position 0 (arXiv 2303.06349, 2402.19427). All are [n, d].
   */
  record DiagonalRecurrence(int layer, Buffer decay, Buffer gate, Buffer x, Buffer h)
      implements SequenceOp {
    public DiagonalRecurrence {
      requireSame(decay, h);
      requireSame(gate, h);
      requireSame(x, h);
      require(layer >= 0 && h.rows() == Rows.TOKENS, h, "layer or rows");
    }

    @Override
    public List<Access> accesses() {
      return List.of(
          read(decay, ALL),
          read(gate, ALL),
          read(x, ALL),
          write(layer, new Access.StateRows(h.width())),
          write(h, ROW));
    }
  }

  /**
   * Causal convolution of each column along a sequence: each row of y is the sum of the last L rows
   * of x up to its own, each multiplied by a row of the kernel. Rows of x are stored in a layer of
   * the cache, from which those of earlier steps are read; rows before position 0 are zero.
   *
   * @param part the input of a recurrence that it computes, VALUE if the layer has no recurrence,
   *     or null if the layer has a row for each position
   * @param kernel [L, d] of f32; its last row multiplies the token's own row
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
          "type or shape of " + kernel.name());
    }

    /** Returns L. */
    public int length() {
      return kernel.n();
    }

    /** Returns the first position that a token at {@code position} reads. */
    public int first(int position) {
      return Math.max(0, position + 1 - length());
    }

    /** Returns the shape that the layer of the cache must have. */
    Access.KeptRows cacheRows() {
      return new Access.KeptRows(part, x.width(), length());
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ALL), write(layer, cacheRows()), write(y, ROW));
    }
  }
}
