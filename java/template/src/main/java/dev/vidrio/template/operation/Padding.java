package dev.vidrio.template.operation;

import dev.vidrio.template.value.Meter;
import dev.vidrio.template.value.Strings;

/** Pads texts to a width. */
public final class Padding {

  /** The position of the padding. */
  public enum Side {
    LEFT,
    RIGHT,
    /** Both sides; an odd character goes to the right, as in format specifications. */
    MIDDLE,
    /** Both sides; an odd character is placed as by {@code str.center}. */
    CENTER
  }

  private Padding() {}

  /** Pads a text to a width in code points. */
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
