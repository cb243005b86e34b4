package dev.vidrio.cli.io;

/** Formats quantities with units. */
public final class Units {
  private Units() {}

  /** Formats a size, as {@code 98.4 MB}, in powers of 1000. */
  public static String bytes(long bytes) {
    return scaled((double) bytes, "B");
  }

  /** Formats a rate, as {@code 935 Gop/s}. */
  public static String perSecond(double rate, String unit) {
    return scaled(rate, unit + "/s");
  }

  private static String scaled(double value, String unit) {
    String prefixes = " kMGTP";
    int i = 0;
    while (value >= 999.5 && i < prefixes.length() - 1) {
      value /= 1000;
      i++;
    }
    String number = String.format(value < 99.95 && i > 0 ? "%.1f" : "%.0f", value);
    return number + " " + (i == 0 ? "" : prefixes.charAt(i)) + unit;
  }
}
