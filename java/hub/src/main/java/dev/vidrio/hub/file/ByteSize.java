package dev.vidrio.hub.file;

import java.util.Locale;

/** Formats a number of bytes for display, in powers of 1000. */
public final class ByteSize {

  private static final String[] UNITS = {"kB", "MB", "GB", "TB", "PB", "EB"};

  private ByteSize() {}

  /** Returns a size such as {@code 98.4 MB}. */
  public static String of(long bytes) {
    if (bytes < 1000) {
      return bytes + " B";
    }
    double value = bytes;
    int unit = -1;
    do {
      value /= 1000;
      unit++;
    } while (value >= 999.95);
    return String.format(Locale.ROOT, "%.1f %s", value, UNITS[unit]);
  }
}
