package dev.vidrio.cli.io;

/**
 * Colours of a table's cells, by the xterm colours nearest to them. People with any colour vision
 * can tell them apart.
 */
public final class Heat {
  /** Viridis. */
  private static final int[] RAMP = {53, 54, 60, 24, 30, 36, 35, 71, 113, 185, 220};

  /** From this place of the ramp on, black is easier to read than white. */
  private static final int LIGHT = 6;

  /** The faintest first. */
  private static final int[] BLUES = {153, 111, 69, 27};

  private static final int[] ORANGES = {223, 216, 209, 202};

  private static final int WHITE = 255;
  private static final int BLACK = 16;

  private Heat() {}

  /** A cell's text on the colour of a fraction, 0 to 1; without colour where that is NaN. */
  public static String cell(String text, double fraction) {
    if (!Terminal.OUT.isTerminal() || Double.isNaN(fraction)) {
      return text;
    }
    int at = (int) Math.round(Math.clamp(fraction, 0.0, 1.0) * (RAMP.length - 1));
    return coloured(text, RAMP[at], at < LIGHT ? WHITE : BLACK);
  }

  /** A text on blue for −1, over no colour for 0, to orange for 1; whether on a terminal or not. */
  public static String signed(String text, double value) {
    int step = (int) Math.min(Math.abs(value) * BLUES.length + 0.5, BLUES.length);
    return step == 0 ? text : coloured(text, (value < 0 ? BLUES : ORANGES)[step - 1], BLACK);
  }

  private static String coloured(String text, int background, int foreground) {
    return "\u001b[38;5;%d;48;5;%dm%s\u001b[0m".formatted(foreground, background, text);
  }
}
