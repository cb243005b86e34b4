package dev.vidrio.cli.io;

/** Bars of signed values as text. */
public final class TextBar {
  private static final int WIDTH = 24;

  private TextBar() {}

  /** Returns a bar of plus or minus signs. Its length is relative to the largest magnitude. */
  public static String of(double value, double largest) {
    int length = (int) Math.round(WIDTH * Math.abs(value) / Math.max(largest, 1e-30));
    return (value < 0 ? "-" : "+").repeat(length);
  }
}
