package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Replication.WITH_RESULT;
import static dev.vidrio.kernel.op.Access.Scope.ALL;
import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireBias;
import static dev.vidrio.kernel.op.Shapes.requireSame;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The parts of attention and norms as operations of their own, so that intermediate results can be
 * captured and edited. {@link Scores}, {@link Softmax} and {@link WeightedValues} run after {@link
 * SequenceOp.Attention} and replace its result in the heads with an edited pattern. A norm without
 * gain followed by {@link Gain} equals {@link Op.Norm} bit for bit.
 */
public sealed interface UnfusedOp extends Op {
  /**
   * The scores of {@link SequenceOp.Attention}: q [n, H, d_h] → y [n, H, P], −∞ at positions that a
   * token does not attend to. Steps with a token at position P or beyond are rejected.
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
      @Nullable PositionBias bias,
      Buffer q,
      Buffer y)
      implements UnfusedOp {
    public Scores {
      require(layer >= 0 && heads > 0 && q.width() % heads == 0, y, "layer or heads");
      require(positions > 0 && y.width() == (long) heads * positions, y, "number of positions");
      require(cap >= 0, y, "cap");
      requireBias(bias, y, heads);
      require(q.rows() == Rows.TOKENS && y.rows() == Rows.TOKENS, y, "rows");
    }

    /** Creates the scores of an attention operation, from its queries. */
    public Scores(SequenceOp.Attention a, int positions, Buffer y) {
      this(a.layer(), a.heads(), positions, a.scale(), a.window(), a.cap(), a.bias(), a.q(), y);
    }

    @Override
    public List<Access> accesses() {
      return List.of(
          read(q, ROW), read(layer, new Access.AttendedKeys(heads, q.width())), write(y, ROW));
    }
  }

  /**
   * The softmax of scores [n, H, P] over the positions that a token attends to. At other positions
   * y is 0, regardless of the scores.
   *
   * @param sinks vector [heads] of a score per head that takes part in the sum but has no position,
   *     or null
   */
  record Softmax(int heads, Window window, @Nullable Weights sinks, Buffer x, Buffer y)
      implements UnfusedOp {
    public Softmax {
      requireSame(x, y);
      require(heads > 0 && x.width() % heads == 0, y, "number of heads");
      require(x.rows() == Rows.TOKENS, y, "rows");
      requireVector(sinks, y, heads);
    }

    /** Returns P. */
    @Override
    public int positions() {
      return x.width() / heads;
    }

    // Wider than necessary: patterns are kept with their scores, not recomputed from them.
    @Override
    public List<Access> accesses() {
      return List.of(read(x, ALL), write(y, ROW));
    }
  }

  /**
   * The values up to each token's position, or of its whole sequence if the window is
   * bidirectional, weighted by its pattern [n, H, P]: z [n, H, d_v]. A head copies z from attention
   * if its pattern equals the softmax bit for bit, so that the bits of heads that are not edited do
   * not change.
   *
   * @param softmax the pattern before edits
   * @param attention z of {@link SequenceOp.Attention}
   */
  record WeightedValues(
      int layer,
      int heads,
      Window window,
      Buffer pattern,
      Buffer softmax,
      Buffer attention,
      Buffer z)
      implements UnfusedOp {
    public WeightedValues {
      require(layer >= 0 && heads > 0 && z.width() % heads == 0, z, "layer or heads");
      require(pattern.width() % heads == 0, z, "number of positions");
      require(pattern.rows() == Rows.TOKENS && z.rows() == Rows.TOKENS, z, "rows");
      requireSame(softmax, pattern);
      requireSame(attention, z);
    }

    /** Returns P. */
    @Override
    public int positions() {
      return pattern.width() / heads;
    }

    @Override
    public List<Access> accesses() {
      return List.of(
          read(pattern, ROW),
          read(softmax, ROW),
          read(attention, ROW),
          read(layer, new Access.AttendedValues(heads, z.width())),
          write(z, ROW));
    }
  }

  /**
   * A norm with given divisors: each head of x, minus its mean for {@link Op.NormKind#LAYER}, over
   * its divisor.
   *
   * @param divisors [rows, heads]
   */
  record Normalize(Op.NormKind kind, Buffer x, Buffer divisors, Buffer y) implements UnfusedOp {
    public Normalize {
      requireSame(x, y);
      require(x.width() % divisors.width() == 0, y, "number of divisors");
      require(divisors.rows() == y.rows(), y, "rows");
    }

    /** Returns the number of divisors of a row. */
    public int heads() {
      return divisors.width();
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW), read(divisors, ROW), write(y, ROW));
    }
  }

  /**
   * Computes {@code y = gain · x}, or {@code gain · x + bias}: the affine part of a norm.
   *
   * @param gain vector that applies to each run of its length in a row: the whole row, or a head
   * @param bias like the gain, or null
   */
  record Gain(Buffer x, Weights gain, @Nullable Weights bias, Buffer y) implements UnfusedOp {
    public Gain {
      requireSame(x, y);
      require(x.width() % gain.k() == 0, y, "width of " + gain.name());
      requireVector(gain, y, gain.k());
      requireVector(bias, y, gain.k());
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW).replication(WITH_RESULT), write(y, ROW).replicable());
    }
  }
}
