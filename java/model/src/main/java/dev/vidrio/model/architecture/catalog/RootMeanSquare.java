package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.WeightLoader;
import java.util.Arrays;

/**
 * What a norm divides rows by, as an activation: their root mean square or their standard
 * deviation. It is the mean of the products of x and its x̂.
 *
 * @param normalized x̂, of rows of zeros zeros
 * @param value [rows, 1]
 */
record RootMeanSquare(Buffer normalized, Buffer value) {
  /** Small enough to change no bit of any divisor but 0. */
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

  /** x̂ alone. */
  static Buffer normalized(PlanBuilder plan, String name, NormKind kind, Buffer x) {
    return plan.norm(name, kind, x, EPSILON, null, null);
  }
}
