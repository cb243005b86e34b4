package dev.vidrio.cli;

/** Colours of a table's cells, on a terminal only: viridis by the xterm colours nearest to it. */
final class Heat {
  private static final int[] RAMP = {53, 54, 60, 24, 30, 36, 35, 71, 113, 185, 220};

  /** From this place of the ramp on, black is easier to read than white. */
  private static final int LIGHT = 6;

  private Heat() {}

  /** A cell's text on the colour of a fraction, 0 to 1; without colour where that is NaN. */
  static String cell(String text, double fraction) {
    if (!Terminal.OUT.isTerminal() || Double.isNaN(fraction)) {
      return text;
    }
    int at = (int) Math.round(Math.clamp(fraction, 0.0, 1.0) * (RAMP.length - 1));
    return "\u001b[48;5;%d;38;5;%dm%s\u001b[0m".formatted(RAMP[at], at < LIGHT ? 255 : 16, text);
  }
}
