package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Attention and norms in parts, so that intermediate results can be tapped and edited. Scores,
 * softmax and mix follow {@link SequenceOp.Attention} and replace its result where something was
 * edited. A norm without gain and a gain make {@link Op.Norm}, bit for bit.
 */
public sealed interface OpenOp extends Op {
  /**
   * The scores of {@link SequenceOp.Attention}, −∞ where a token does not attend: q [n, H, d_h] → y
   * [n, H, P]. Steps with tokens at position P or beyond are refused.
   *
   * @param positions P
   */
  record Scores(
      int layer,
      int heads,
      int positions,
      float scale,
      Window window,
      float cap,
      @Nullable Weights slopes,
      Buffer q,
      Buffer y)
      implements OpenOp {
    public Scores {
      require(layer >= 0 && heads > 0 && q.width() % heads == 0, y, "layer or heads");
      require(positions > 0 && y.width() == (long) heads * positions, y, "number of positions");
      require(cap >= 0, y, "cap");
      requireVector(slopes, y, heads);
      require(q.rows() == Rows.TOKENS && y.rows() == Rows.TOKENS, y, "rows");
    }

    /** The scores of an attention, from the same queries. */
    public Scores(SequenceOp.Attention a, int positions, Buffer y) {
      this(a.layer(), a.heads(), positions, a.scale(), a.window(), a.cap(), a.slopes(), a.q(), y);
    }

    @Override
    public List<Operand> reads() {
      return List.of(q);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /**
   * The softmax of scores [n, H, P] over the positions that a token attends to; elsewhere y is 0,
   * whatever the scores say.
   *
   * @param sinks vector [heads] of a score that takes its share and has no place, or null
   */
  record Softmax(int heads, Window window, @Nullable Weights sinks, Buffer x, Buffer y)
      implements OpenOp {
    public Softmax {
      requireSame(x, y);
      require(heads > 0 && x.width() % heads == 0, y, "number of heads");
      require(x.rows() == Rows.TOKENS, y, "rows");
      requireVector(sinks, y, heads);
    }

    /** P. */
    public int positions() {
      return x.width() / heads;
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
   * The values up to each token's own position, weighted by its pattern [n, H, P]: z [n, H, d_v].
   * Heads whose weights there are bit for bit those of the softmax take their z from attention, so
   * that what nobody edits keeps its bits.
   *
   * @param softmax the pattern before it was edited
   * @param attention z of {@link SequenceOp.Attention}
   */
  record Mix(int layer, int heads, Buffer pattern, Buffer softmax, Buffer attention, Buffer z)
      implements OpenOp {
    public Mix {
      require(layer >= 0 && heads > 0 && z.width() % heads == 0, z, "layer or heads");
      require(pattern.width() % heads == 0, z, "positions");
      require(pattern.rows() == Rows.TOKENS && z.rows() == Rows.TOKENS, z, "rows");
      requireSame(softmax, pattern);
      requireSame(attention, z);
    }

    /** P. */
    public int positions() {
      return pattern.width() / heads;
    }

    @Override
    public List<Operand> reads() {
      return List.of(pattern, softmax, attention);
    }

    @Override
    public List<Operand> writes() {
      return List.of(z);
    }
  }

  /**
   * The x̂ of a norm that is told what to divide by: each head of x, without its mean where the
   * kind says so, over its divisor.
   *
   * @param divisors [rows, heads]
   */
  record Normalize(Op.NormKind kind, Buffer x, Buffer divisors, Buffer y) implements OpenOp {
    public Normalize {
      requireSame(x, y);
      require(x.width() % divisors.width() == 0, y, "number of divisors");
      require(divisors.rows() == y.rows(), y, "rows");
    }

    /** Divisors of a row. */
    public int heads() {
      return divisors.width();
    }

    @Override
    public List<Operand> reads() {
      return List.of(x, divisors);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /**
   * {@code y = gain · x}, or {@code gain · x + bias}: what a norm without gain leaves to be done.
   *
   * @param gain vector for every run of its length of a row: of the whole row, or of a head
   * @param bias like the gain, or null
   */
  record Gain(Buffer x, Weights gain, @Nullable Weights bias, Buffer y) implements OpenOp {
    public Gain {
      requireSame(x, y);
      require(x.width() % gain.k() == 0, y, "width of " + gain.name());
      requireVector(gain, y, gain.k());
      requireVector(bias, y, gain.k());
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
