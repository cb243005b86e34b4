package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An operation of a plan. docs/numerics.md defines each. Constructors check shapes, so executors
 * need not.
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
        OpenOp,
        HookOp,
        LowRankOp {
  /** What it has the rows of: what it writes, or reads where that is no activation. */
  default Operand shape() {
    return (writes().isEmpty() ? reads() : writes()).getFirst();
  }

  /** How many rows it has in a step. */
  default Rows rows() {
    return shape().rows();
  }

  /** Whether each row of what it writes depends on the same row of what it reads alone. */
  default boolean isRowwise() {
    return switch (this) {
      case Norm _, Quantize _, MatMul _, Activation _, Add _, AddBias _, Scale _ -> true;
      case SequenceOp.Rope _, OpenOp.Gain _, ExpertOp _, LowRankOp _ -> true;
      default -> false;
    };
  }

  /** The activations it reads. */
  List<Operand> reads();

  /** The activations it writes. */
  List<Operand> writes();

  /** What chooses the row of an embedding table. */
  enum EmbedIndex {
    TOKENS,
    /** Learned positions. */
    POSITIONS
  }

  /**
   * Rows of a table [V, d], which lies in rows: one per token of the batch.
   *
   * @param offset the row of token 0, or of position 0
   * @param skip rows between those of a token, or a position, and those of the next
   */
  record Embed(Weights table, EmbedIndex index, int offset, int skip, Buffer y) implements Op {
    public Embed {
      require(table.layout() == Weights.Layout.ROWS, y, "embedding table must not be packed");
      require(table.k() == y.width() && y.rows() == Rows.TOKENS, y, "shape");
      require(offset >= 0 && skip >= 0, y, "offset or skip");
    }

    /** The row of the table that a token at a position chooses. */
    public int row(int token, int position) {
      return (index == EmbedIndex.TOKENS ? token : position) * (1 + skip) + offset;
    }

    /** Rows that the table needs for so many token ids and positions. */
    public long rowsNeeded(int vocabulary, int positions) {
      long rows = index == EmbedIndex.TOKENS ? vocabulary : positions;
      return (rows - 1) * (1L + skip) + offset + 1;
    }

    @Override
    public List<Operand> reads() {
      return List.of();
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /** Which statistics a norm divides by. */
  enum NormKind {
    /** Root mean square, arXiv 1910.07467. */
    RMS,
    /** Mean and standard deviation, arXiv 1607.06450. */
    LAYER
  }

  /**
   * Normalizes each head of each row [heads, d] of x on its own; a plain norm has one head.
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

    /** Elements that are normalized together. */
    public int d() {
      return x.width() / heads;
    }

    /** Whether each head has a gain and bias of its own. */
    public boolean perHead() {
      Weights vector = gain == null ? bias : gain;
      return vector != null && vector.k() > d();
    }

    /** Where in gain and bias those of a head begin, heads counted over all rows. */
    public int affineOffset(int head) {
      return perHead() ? head % heads * d() : 0;
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return scale == null ? List.of(y) : List.of(y, scale);
    }
  }

  /** Quantizes x to int8 in blocks of 32. */
  record Quantize(Buffer x, QuantizedBuffer y) implements Op {
    public Quantize {
      require(x.rows() == y.rows() && x.width() == y.width(), y, "shape");
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
   * {@code y = x · Wᵀ}. Quantized weights take a {@link QuantizedBuffer}, floating-point weights,
   * which are never packed, a {@link Buffer}.
   *
   * @param fast whether it may leave the promise of equal bits for speed, within the bounds of
   *     docs/numerics.md
   */
  record MatMul(Weights weights, Operand x, Buffer y, boolean fast) implements Op {
    public MatMul {
      boolean quantized = weights.type().quantized();
      require(x instanceof QuantizedBuffer == quantized, y, "operand type");
      require(quantized || weights.layout() == Weights.Layout.ROWS, y, "weight layout");
      require(x.rows() == y.rows(), y, "rows");
      require(weights.k() == x.width() && weights.n() == y.width(), y, "shape");
    }

    /** A product that keeps the promise of equal bits. */
    public MatMul(Weights weights, Operand x, Buffer y) {
      this(weights, x, y, false);
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

  /** Nonlinearities of feed-forward blocks. */
  enum ActivationKind {
    SILU,
    /** The approximation by tanh, arXiv 1606.08415. */
    GELU_TANH,
    RELU,
    /** By the error function. */
    GELU,
    TANH,
    /** The square of RELU, arXiv 2109.08668. */
    SQUARED_RELU,
    /** x where that is positive, else eˣ − 1, arXiv 1511.07289. */
    ELU,
    /** x, but at least −1 and at most 1. */
    HARD_TANH,
    /** {@code x · σ(1.702 x)} of x up to 7, which gpt-oss gates with. */
    CLAMPED_SWISH,
    /** {@code 1 + x} of x from −7 to 7, which gpt-oss gates. */
    CLAMPED_LINEAR,
    /** x: where it is gated, the product of two activations. */
    IDENTITY,
    /** {@code σ(x) = 1 / (1 + e⁻ˣ)}. */
    SIGMOID,
    /** {@code ln(1 + eˣ)}. */
    SOFTPLUS
  }

  /**
   * {@code y = f(x)}, or {@code f(x) · up} when gated.
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
    public List<Operand> reads() {
      return up == null ? List.of(x) : List.of(x, up);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /** {@code y = a + b}. */
  record Add(Buffer a, Buffer b, Buffer y) implements Op {
    public Add {
      requireSame(a, y);
      requireSame(b, y);
    }

    @Override
    public List<Operand> reads() {
      return List.of(a, b);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /** {@code y = a + bias}, the vector added to every row. */
  record AddBias(Buffer a, Weights bias, Buffer y) implements Op {
    public AddBias {
      requireSame(a, y);
      requireVector(bias, y, y.width());
    }

    @Override
    public List<Operand> reads() {
      return List.of(a);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /** {@code y = factor · x}. */
  record Scale(Buffer x, float factor, Buffer y) implements Op {
    public Scale {
      requireSame(x, y);
      require(Float.isFinite(factor), y, "factor");
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

  /** {@code y[i] = x[row i that asks for logits]}. */
  record Gather(Buffer x, Buffer y) implements Op {
    public Gather {
      require(x.rows() == Rows.TOKENS && y.rows() == Rows.LOGITS, y, "rows");
      require(x.width() == y.width(), y, "width");
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
   * The k greatest of each row, in descending order; equal ones in ascending order of id, a NaN as
   * the least.
   *
   * @param values [rows, k]
   * @param ids [rows, k], int32 in the place of floats
   * @param sums [rows, 2]: {@code Σ exp(x)} of the whole row is {@code exp(sums[0]) · sums[1]}
   */
  record TopK(Buffer x, Buffer values, Buffer ids, Buffer sums) implements Op {
    /** The greatest k; {@code VD_TOP_K_MAX}. */
    public static final int MAX = 256;

    /** Chunks of a row, at most, whose sums stand alone; {@code VD_TOP_K_CHUNKS}. */
    private static final int CHUNKS = 64;

    public TopK {
      requireSame(values, ids);
      require(values.width() <= MAX && values.width() <= x.width(), values, "width");
      require(x.rows() == values.rows() && x.rows() == sums.rows(), values, "rows");
      require(sums.width() == 2, sums, "width");
    }

    /** Candidates of a row. */
    public int k() {
      return values.width();
    }

    /** Elements of a chunk. */
    public int chunk() {
      return 16 * Math.ceilDiv(x.width(), 16 * CHUNKS);
    }

    @Override
    public List<Operand> reads() {
      return List.of(x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(values, ids, sums);
    }
  }

  /** Everything it reads, then everything it writes. */
  default Stream<Operand> operands() {
    return Stream.concat(reads().stream(), writes().stream());
  }
}
