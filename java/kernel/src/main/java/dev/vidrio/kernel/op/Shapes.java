package dev.vidrio.kernel.op;

import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;

/** What operations require of their operands. */
final class Shapes {
  private Shapes() {}

  /** That what an operation says about the activation {@code at} holds. */
  static void require(boolean holds, Operand at, String what) {
    if (!holds) {
      throw new IllegalArgumentException(at.name() + ": " + what + " does not fit");
    }
  }

  /** That y has rows and width of x. */
  static void requireSame(Buffer x, Buffer y) {
    require(x.rows() == y.rows() && x.width() == y.width(), y, "shape of " + x.name());
  }

  /** That it is a vector of this width, or null. */
  static void requireVector(@Nullable Weights vector, Buffer y, int width) {
    require(
        vector == null || (vector.isVector() && vector.k() == width),
        y,
        vector == null ? "" : vector.name());
  }
}
