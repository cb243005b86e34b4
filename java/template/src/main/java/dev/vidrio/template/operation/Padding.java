package dev.vidrio.template.operation;

import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Strings;

/** Fills texts up to a width. */
public final class Padding {

  /** Where the filling goes. */
  public enum Side {
    LEFT,
    RIGHT,
    /** Half on each side, a spare one to the right, as formats have it. */
    MIDDLE,
    /** Half on each side, a spare one as {@code str.center} has it. */
    CENTER
  }

  private Padding() {}

  /** Fills a text up to that many code points. */
  public static String pad(Meter meter, String s, long width, String fill, Side side) {
    int length = Strings.length(s);
    if (width <= length) {
      return s;
    }
    meter.text(width);
    int missing = (int) (width - length);
    int left =
        switch (side) {
          case LEFT -> missing;
          case RIGHT -> 0;
          case MIDDLE -> missing / 2;
          case CENTER -> missing / 2 + (missing & (int) width & 1);
        };
    return fill.repeat(left) + s + fill.repeat(missing - left);
  }
}
