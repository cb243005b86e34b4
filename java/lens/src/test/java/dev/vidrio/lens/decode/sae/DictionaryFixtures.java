package dev.vidrio.lens.decode.sae;

import dev.vidrio.formats.testfiles.SafetensorsFile;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** Dictionaries that other programs wrote, in the test resources. */
public final class DictionaryFixtures {
  private DictionaryFixtures() {}

  /** Returns a directory or a file. */
  public static Path path(String name) {
    try {
      return Path.of(Objects.requireNonNull(DictionaryFixtures.class.getResource(name)).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns a matrix. */
  public static float[][] rows(SafetensorsFile file, String name) {
    float[] values = file.floats(name);
    int width = Math.toIntExact(file.shape(name).getLast());
    var rows = new float[values.length / width][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = Arrays.copyOfRange(values, i * width, (i + 1) * width);
    }
    return rows;
  }

  /** Copies the files of a directory into another one. */
  public static void copy(String name, Path directory) throws IOException {
    List<Path> files;
    try (Stream<Path> found = Files.list(path(name))) {
      files = found.toList();
    }
    for (Path file : files) {
      Files.copy(file, directory.resolve(String.valueOf(file.getFileName())));
    }
  }
}
