package dev.vidrio.cli.io;

/** Colors of table cells, from the xterm palette, distinguishable with any color vision. */
public final class Heat {
  /** Viridis. */
  private static final int[] RAMP = {53, 54, 60, 24, 30, 36, 35, 71, 113, 185, 220};

  /** The first index of the ramp with black text. */
  private static final int LIGHT = 6;

  /** From faint to strong. */
  private static final int[] BLUES = {153, 111, 69, 27};

  private static final int[] ORANGES = {223, 216, 209, 202};

  private static final int WHITE = 255;
  private static final int BLACK = 16;

  private Heat() {}

  /** Returns a text on the color of a fraction, 0 to 1, if standard output is a terminal. */
  public static String cell(String text, double fraction) {
    if (!Terminal.OUT.isTerminal() || Double.isNaN(fraction)) {
      return text;
    }
    int at = (int) Math.round(Math.clamp(fraction, 0.0, 1.0) * (RAMP.length - 1));
    return colored(text, RAMP[at], at < LIGHT ? WHITE : BLACK);
  }

  /** Returns a text on a color from blue (−1) over none (0) to orange (1), always with escapes. */
  public static String signed(String text, double value) {
    int step = (int) Math.min(Math.abs(value) * BLUES.length + 0.5, BLUES.length);
    return step == 0 ? text : colored(text, (value < 0 ? BLUES : ORANGES)[step - 1], BLACK);
  }

  private static String colored(String text, int background, int foreground) {
    return "\u001b[38;5;%d;48;5;%dm%s\u001b[0m".formatted(foreground, background, text);
  }
}
