package dev.vidrio.kernel.java.memory;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The grids of the IQ types, read from the file that the C library includes, {@code grids.inc}. */
final class Grids {
  private static final String TEXT = read();

  static final int[] IQ3_S = grid("iq3_s");
  static final int[] IQ3_XXS = grid("iq3_xxs");
  static final int[] IQ2_S = grid("iq2_s");
  static final int[] IQ2_XS = grid("iq2_xs");
  static final int[] IQ2_XXS = grid("iq2_xxs");
  static final int[] IQ1 = grid("iq1");

  private Grids() {}

  private static String read() {
    try (InputStream in = Grids.class.getResourceAsStream("grids.inc")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.US_ASCII);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static int[] grid(String name) {
    Matcher grid = Pattern.compile("VD_GRID\\(\\s*" + name + ", \\d+,([^)]*)\\)").matcher(TEXT);
    if (!grid.find()) {
      throw new IllegalStateException("no grid " + name);
    }
    return Arrays.stream(grid.group(1).split(","))
        .mapToInt(point -> Integer.decode(point.strip()))
        .toArray();
  }
}
