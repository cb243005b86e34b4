package dev.vidrio.lens.decode.probe;

import dev.vidrio.formats.testfiles.SafetensorsFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;

/** The examples of {@code probes.safetensors}, and what other programs fit to them. */
final class ProbesFile {
  static final int WIDTH = 8;

  private static final SafetensorsFile FILE = read("probes.safetensors");
  private static final SafetensorsFile OTHERS = read("probing.safetensors");

  private ProbesFile() {}

  private static SafetensorsFile read(String name) {
    try {
      return SafetensorsFile.read(
          Objects.requireNonNull(ProbesFile.class.getResourceAsStream(name)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the examples of classes below a number; each word occurs three times. */
  static Examples examples(int classes) {
    int[] labels = FILE.ints("labels");
    float[][] rows = matrix("x");
    int[] which = IntStream.range(0, rows.length).filter(i -> labels[i] < classes).toArray();
    return new Examples(
        Arrays.stream(which).mapToObj(i -> rows[i]).toArray(float[][]::new),
        Arrays.stream(which).map(i -> labels[i]).toArray(),
        Arrays.stream(which).map(i -> i / 3).toArray(),
        classes);
  }

  /** Returns the examples with each dimension in another unit. */
  static Examples scaled(Examples examples, float[] units) {
    var rows = new float[examples.size()][WIDTH];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < WIDTH; j++) {
        rows[i][j] = examples.row(i)[j] * units[j];
      }
    }
    return examples.withRows(rows);
  }

  /** A matrix of rows of 8. */
  static float[][] matrix(String name) {
    float[] values = FILE.floats(name);
    return IntStream.range(0, values.length / WIDTH)
        .mapToObj(i -> Arrays.copyOfRange(values, i * WIDTH, (i + 1) * WIDTH))
        .toArray(float[][]::new);
  }

  static float[] vector(String name) {
    return FILE.floats(name);
  }

  /** Returns what other methods find in the examples. */
  static float[] expected(String name) {
    return OTHERS.floats(name);
  }

  /** The first 105 of all examples, and the others. */
  static Examples.Split split() {
    Examples all = examples(3);
    return new Examples.Split(all.range(0, 105), all.range(105, all.size()));
  }
}
