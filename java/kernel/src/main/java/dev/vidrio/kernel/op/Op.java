package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Scope.ALL;
import static dev.vidrio.kernel.op.Access.Scope.ELEMENT;
import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An operation of a {@link dev.vidrio.kernel.Plan}: a record of its operands and parameters.
 * docs/numerics.md defines what each computes, to the bit; constructors check shapes, so that
 * executors need not.
 *
 * <p>An operation declares its {@link #accesses}: what it reads and writes, activations and layers
 * of the cache, and how. Everything that treats operations alike follows from this declaration:
 * validation of plans, barriers, epilogues, lifetimes of activations, gather hoisting and the reach
 * of gradients. Passes that insert, rename or recompute activations rebuild an operation by {@link
 * #withOperands}, which follows from the components of its record.
 *
 * <p>A new operation further needs an encoder in {@code kernel.ffm}, a kernel in libvidrio and in
 * the Java executors, and, if gradients flow through it, a rule in {@code
 * dev.vidrio.kernel.pass.Differentiation}; see CONTRIBUTING.md.
 *
 * <p>This file has the operations of any network; the other interfaces of this package have those
 * of sequences, mixtures of experts, hook points, adapters, unfused attention and gradients.
 */
public sealed interface Op
    permits Op.Activation,
        Op.Add,
        Op.AddBias,
        Op.Embed,
        Op.Gather,
        Op.MatMul,
        Op.Norm,
        Op.Quantize,
        Op.Scale,
        Op.TopK,
        BackwardOp,
        SequenceOp,
        ExpertOp,
        UnfusedOp,
        HookOp,
        LowRankOp {
  /** Returns everything that the operation reads and writes, in the order of its operands. */
  List<Access> accesses();

  /**
   * Returns the operation over other operands. It replaces each component of the record that is an
   * operand, also within the operation that a {@link BackwardOp} differentiates.
   *
   * @param to gives the replacement of each operand; the kind of operand must stay the same
   * @throws IllegalArgumentException if the shapes of the new operands do not match
   */
  default Op withOperands(UnaryOperator<Operand> to) {
    return OperandReplacement.replace(this, to);
  }

  /** Returns the activations that the operation reads. */
  default List<Operand> reads() {
    return operands(Access.Mode.READ);
  }

  /** Returns the activations that the operation writes. */
  default List<Operand> writes() {
    return operands(Access.Mode.WRITE);
  }

  private List<Operand> operands(Access.Mode mode) {
    // A loop, since preparing a plan calls this many times per operation.
    List<Operand> operands = new ArrayList<>();
    for (Access access : accesses()) {
      if (access instanceof Access.OfOperand of && of.mode() == mode) {
        operands.add(of.operand());
      }
    }
    return Collections.unmodifiableList(operands);
  }

  /** Returns the activations that the operation reads, then those that it writes. */
  default Stream<Operand> operands() {
    return Stream.concat(reads().stream(), writes().stream());
  }

  /** Returns the accesses to activations. */
  default List<Access.OfOperand> operandAccesses() {
    return only(Access.OfOperand.class);
  }

  /** Returns the accesses to layers of the cache. */
  default List<Access.OfCache> cacheAccesses() {
    return only(Access.OfCache.class);
  }

  private <A extends Access> List<A> only(Class<A> kind) {
    List<A> chosen = new ArrayList<>();
    for (Access access : accesses()) {
      if (kind.isInstance(access)) {
        chosen.add(kind.cast(access));
      }
    }
    return Collections.unmodifiableList(chosen);
  }

  /** Returns the operand that determines the row count: the first output, or else input. */
  default Operand primaryOperand() {
    List<Operand> written = writes();
    return (written.isEmpty() ? reads() : written).getFirst();
  }

  /** Returns the number of rows that the operation has in a step. */
  default Rows rows() {
    return primaryOperand().rows();
  }

  /**
   * Returns whether each row of the results depends on the same row of the operands and on its
   * token alone, so that rows may be computed separately.
   */
  default boolean isRowwise() {
    return !reads().isEmpty()
        && !writes().isEmpty()
        && cacheAccesses().isEmpty()
        && operandAccesses().stream().allMatch(access -> access.scope() != ALL);
  }

  /**
   * Returns the number of positions that the operands have room for, or {@link Integer#MAX_VALUE}
   * if no operand has an element per position.
   */
  default int positions() {
    return Integer.MAX_VALUE;
  }

  /** The index by which an embedding looks rows up. */
  enum EmbedIndex {
    TOKENS,
    /** Learned positions. */
    POSITIONS,
    /** Token types, such as the two texts of a pair. */
    TYPES
  }

  /**
   * Looks up rows of a table [V, d] in row layout: one per token of the batch, [n, d].
   *
   * @param offset the row of token, position or type 0
   * @param skip rows between the row of one token, position or type and that of the next
   */
  record Embed(Weights table, EmbedIndex index, int offset, int skip, Buffer y) implements Op {
    public Embed {
      require(table.layout() == Weights.Layout.ROWS, y, "layout of " + table.name());
      require(table.k() == y.width() && y.rows() == Rows.TOKENS, y, "shape");
      require(offset >= 0 && skip >= 0, y, "offset or skip");
    }

    /** Returns the row of the table for a token with a position and a type. */
    public int row(int token, int position, int type) {
      int selected =
          switch (index) {
            case TOKENS -> token;
            case POSITIONS -> position;
            case TYPES -> type;
          };
      return selected * (1 + skip) + offset;
    }

    /** Returns the number of types that the table has rows for, or the maximum if any fits. */
    public int types() {
      return index == EmbedIndex.TYPES
          ? Math.max(0, (table.n() - offset + skip) / (1 + skip))
          : Integer.MAX_VALUE;
    }

    /** Returns the rows that the table needs for a vocabulary and a number of positions. */
    public long rowsNeeded(int vocabulary, int positions) {
      long rows =
          switch (index) {
            case TOKENS -> vocabulary;
            case POSITIONS -> positions;
            case TYPES -> 1;
          };
      return (rows - 1) * (1L + skip) + offset + 1;
    }

    @Override
    public List<Access> accesses() {
      return List.of(write(y, ROW));
    }
  }

  /** The statistics that a norm divides by. */
  enum NormKind {
    /** Root mean square, arXiv 1910.07467. */
    RMS,
    /** Mean and standard deviation, arXiv 1607.06450. */
    LAYER
  }

  /**
   * Normalizes each head of each row [heads, d] of x separately; an ordinary norm has one head.
   *
   * @param gain vector [d] for all heads or [heads · d] with one for each, or null for none
   * @param bias like the gain
   * @param scale receives the divisors [rows, heads], or null
   */
  record Norm(
      NormKind kind,
      float epsilon,
      int heads,
      Buffer x,
      @Nullable Weights gain,
      @Nullable Weights bias,
      Buffer y,
      @Nullable Buffer scale)
      implements Op {
    public Norm {
      requireSame(x, y);
      require(heads > 0 && x.width() % heads == 0, y, "number of heads");
      requireVector(gain, y, affineWidth(gain, x.width(), heads));
      requireVector(bias, y, gain == null ? affineWidth(bias, x.width(), heads) : gain.k());
      require(
          scale == null || (scale.rows() == y.rows() && scale.width() == heads), y, "scale shape");
      require(epsilon >= 0, y, "epsilon");
    }

    private static int affineWidth(@Nullable Weights vector, int width, int heads) {
      return vector != null && vector.k() == width ? width : width / heads;
    }

    /** Returns the number of elements that are normalized together. */
    public int d() {
      return x.width() / heads;
    }

    /** Returns whether each head has its own gain and bias. */
    public boolean perHead() {
      Weights vector = gain == null ? bias : gain;
      return vector != null && vector.k() > d();
    }

    /** Returns the offset of a head's gain and bias, where heads are counted over all rows. */
    public int affineOffset(int head) {
      return perHead() ? head % heads * d() : 0;
    }

    @Override
    public List<Access> accesses() {
      return scale == null
          ? List.of(read(x, ROW), write(y, ROW).replicable())
          : List.of(read(x, ROW), write(y, ROW).replicable(), write(scale, ROW).replicable());
    }
  }

  /** Quantizes x to int8 in blocks of 32. */
  record Quantize(Buffer x, QuantizedBuffer y) implements Op {
    public Quantize {
      require(x.rows() == y.rows() && x.width() == y.width(), y, "shape");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ELEMENT).replicable(), write(y, ELEMENT).replicable());
    }
  }

  /**
   * Computes {@code y = x · Wᵀ}. Quantized weights multiply a {@link QuantizedBuffer} in {@link
   * Arithmetic#INT8}; all other products multiply a {@link Buffer}. Floating-point weights are
   * never packed.
   */
  record MatMul(Weights weights, Operand x, Buffer y, Arithmetic arithmetic) implements Op {
    public MatMul {
      boolean quantizes = arithmetic.quantizes(weights.type());
      boolean quantized = weights.type().quantized();
      require(x instanceof QuantizedBuffer == quantizes, y, "operand type");
      require(quantized || weights.layout() == Weights.Layout.ROWS, y, "weight layout");
      require(x.rows() == y.rows(), y, "rows");
      require(weights.k() == x.width() && weights.n() == y.width(), y, "shape");
    }

    /** Creates a product in {@link Arithmetic#INT8}. */
    public MatMul(Weights weights, Operand x, Buffer y) {
      this(weights, x, y, Arithmetic.INT8);
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW).replicable(), write(y, ELEMENT));
    }
  }

  /**
   * The activation functions f. The id is the {@code vd_activation_kind} of the C API; executors
   * are tested against each other for every constant.
   */
  enum ActivationKind {
    SILU(0),
    /** The tanh approximation of GELU, arXiv 1606.08415. */
    GELU_TANH(1),
    RELU(2),
    /** GELU by the error function. */
    GELU(3),
    TANH(4),
    /** The square of ReLU, arXiv 2109.08668. */
    SQUARED_RELU(5),
    /** x if positive, else eˣ − 1, arXiv 1511.07289. */
    ELU(6),
    /** x clamped to [−1, 1]. */
    HARD_TANH(7),
    /** {@code x · σ(1.702 x)} with x clamped to at most 7, the gate of gpt-oss. */
    CLAMPED_SWISH(8),
    /** {@code 1 + x} with x clamped to [−7, 7], the gated factor of gpt-oss. */
    CLAMPED_LINEAR(9),
    /** x; if gated, the product of two activations. */
    IDENTITY(10),
    /** {@code σ(x) = 1 / (1 + e⁻ˣ)}. */
    SIGMOID(11),
    /** {@code ln(1 + eˣ)}. */
    SOFTPLUS(12),
    /**
     * {@code √(1 − e²ˣ)} for x ≤ 0, else 0: the factor of an input that keeps the variance of a
     * state constant which decays by {@code eˣ}, arXiv 2402.19427.
     */
    DECAY_COMPLEMENT(13);

    private final int id;

    ActivationKind(int id) {
      this.id = id;
    }

    /** Returns the number of the function in the C API. */
    public int id() {
      return id;
    }
  }

  /**
   * Computes {@code y = f(x)}, or {@code f(x) · up} if gated.
   *
   * @param up the other factor, or null
   */
  record Activation(ActivationKind kind, Buffer x, @Nullable Buffer up, Buffer y) implements Op {
    public Activation {
      requireSame(x, y);
      if (up != null) {
        requireSame(up, y);
      }
    }

    @Override
    public List<Access> accesses() {
      return up == null
          ? List.of(read(x, ELEMENT), write(y, ELEMENT))
          : List.of(read(x, ELEMENT), read(up, ELEMENT), write(y, ELEMENT));
    }
  }

  /** Computes {@code y = a + b}. */
  record Add(Buffer a, Buffer b, Buffer y) implements Op {
    public Add {
      requireSame(a, y);
      requireSame(b, y);
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(a, ELEMENT), read(b, ELEMENT), write(y, ELEMENT));
    }
  }

  /** Computes {@code y = a + bias}: adds the vector to every row. */
  record AddBias(Buffer a, Weights bias, Buffer y) implements Op {
    public AddBias {
      requireSame(a, y);
      requireVector(bias, y, y.width());
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(a, ELEMENT), write(y, ELEMENT));
    }
  }

  /** Computes {@code y = factor · x}. */
  record Scale(Buffer x, float factor, Buffer y) implements Op {
    public Scale {
      requireSame(x, y);
      require(Float.isFinite(factor), y, "factor " + factor);
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ELEMENT), write(y, ELEMENT));
    }
  }

  /** Selects the rows for which logits are requested: {@code y[i] = x[logit row i]}. */
  record Gather(Buffer x, Buffer y) implements Op {
    public Gather {
      require(x.rows() == Rows.TOKENS && y.rows() == Rows.LOGITS, y, "rows");
      require(x.width() == y.width(), y, "width");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ALL), write(y, ROW));
    }
  }

  /**
   * Finds the k largest elements of each row, in descending order; equal ones in ascending order of
   * id, NaN after all numbers.
   *
   * @param values [rows, k]
   * @param ids [rows, k], int32 stored in the buffer's floats
   * @param sums [rows, 2]: {@code Σ exp(x)} of the whole row is {@code exp(sums[0]) · sums[1]}
   */
  record TopK(Buffer x, Buffer values, Buffer ids, Buffer sums) implements Op {
    /** The maximum k; {@code VD_TOP_K_MAX}. */
    public static final int MAX = 256;

    /**
     * The maximum number of chunks of a row that are summed separately; {@code VD_TOP_K_CHUNKS}.
     */
    private static final int CHUNKS = 64;

    public TopK {
      requireSame(values, ids);
      require(values.width() <= MAX && values.width() <= x.width(), values, "width");
      require(x.rows() == values.rows() && x.rows() == sums.rows(), values, "rows");
      require(sums.width() == 2, sums, "width");
    }

    /** Returns the number of candidates of a row. */
    public int k() {
      return values.width();
    }

    /** Returns the number of elements of a chunk. */
    public int chunk() {
      return 16 * Math.ceilDiv(x.width(), 16 * CHUNKS);
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW), write(values, ROW), write(ids, ROW), write(sums, ROW));
    }
  }
}
