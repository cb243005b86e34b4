package dev.vidrio.kernel.op;

import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;

/** Shape checks of operations. */
final class Shapes {
  private Shapes() {}

  /** Throws {@link IllegalArgumentException} with {@code at: invalid what} unless it holds. */
  static void require(boolean holds, Operand at, String what) {
    if (!holds) {
      throw new IllegalArgumentException(at.name() + ": invalid " + what);
    }
  }

  /** Requires that y has the rows and width of x. */
  static void requireSame(Buffer x, Buffer y) {
    if (x.rows() != y.rows() || x.width() != y.width()) {
      throw new IllegalArgumentException(y.name() + ": shape differs from that of " + x.name());
    }
  }

  /** Requires a bias of H heads, or null. */
  static void requireBias(@Nullable PositionBias bias, Buffer y, int heads) {
    if (bias != null) {
      bias.requireHeads(y, heads);
    }
  }

  /** Requires a vector of this width, or null. */
  static void requireVector(@Nullable Weights vector, Buffer y, int width) {
    require(
        vector == null || (vector.isVector() && vector.k() == width),
        y,
        vector == null ? "" : "shape of " + vector.name());
  }
}
