package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.WeightLoader;
import java.util.Arrays;

/**
 * The divisor of a norm as an activation: the root mean square or the standard deviation of a row,
 * computed as the mean of the products of x and x̂.
 *
 * @param normalized x̂; zeros for rows of zeros
 * @param value the divisor, [rows, 1]
 */
record RootMeanSquare(Buffer normalized, Buffer value) {
  /** Small enough to change no bit of a divisor other than 0. */
  private static final float EPSILON = Float.MIN_NORMAL;

  static RootMeanSquare of(
      PlanBuilder plan, WeightLoader weights, String name, NormKind kind, Buffer x) {
    Buffer normalized = normalized(plan, name + ".normalized", kind, x);
    Buffer products = plan.multiply(name + ".products", x, normalized);
    var shares = new float[x.width()];
    Arrays.fill(shares, 1f / shares.length);
    Weights mean = weights.constants(name + ".shares", shares);
    return new RootMeanSquare(normalized, plan.matMul(name, mean, products));
  }

  /** Writes x̂ alone. */
  static Buffer normalized(PlanBuilder plan, String name, NormKind kind, Buffer x) {
    return plan.norm(name, kind, x, EPSILON, null, null);
  }
}
