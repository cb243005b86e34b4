package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireVector;

import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;

/**
 * A term of attention scores that depends on the head and on the distance from the query's position
 * to the key's.
 */
public sealed interface PositionBias {
  /** The largest {@link Table#reach()}. */
  int MAX_REACH = 1 << 16;

  /** Requires weights of H heads. */
  void requireHeads(Buffer y, int heads);

  /**
   * A score that decreases linearly: −slope · |distance| (ALiBi, arXiv 2108.12409).
   *
   * @param slopes vector [H]
   */
  record Linear(Weights slopes) implements PositionBias {
    @Override
    public void requireHeads(Buffer y, int heads) {
      requireVector(slopes, y, heads);
    }
  }

  /**
   * A bias for each distance (Raffel et al. 2020, arXiv 1910.10683): element {@code reach} of a row
   * for the query's own position, the ones after it for the positions that follow. Keys farther
   * away get the first or the last bias of the row.
   *
   * @param biases F32 rows [H, 2 reach + 1]
   */
  record Table(Weights biases) implements PositionBias {
    @Override
    public void requireHeads(Buffer y, int heads) {
      require(
          biases.type() == WeightType.F32 && biases.layout() == Weights.Layout.ROWS,
          y,
          "biases, which must be F32 rows");
      require(
          biases.n() == heads && biases.k() % 2 == 1 && reach() <= MAX_REACH, y, "shape of biases");
    }

    /** Returns the largest distance with a bias of its own. */
    public int reach() {
      return biases.k() / 2;
    }

    /** Returns the index in the table of the bias of a head for a distance. */
    public long index(int head, int distance) {
      return (long) head * biases.k() + reach() + Math.clamp(distance, -reach(), reach());
    }
  }
}
