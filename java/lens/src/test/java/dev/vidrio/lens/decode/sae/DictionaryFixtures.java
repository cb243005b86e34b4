package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /** Replaces a text that a file must contain. */
  public static void replace(Path file, String from, String to) throws IOException {
    String text = Files.readString(file);
    assertTrue(text.contains(from), text);
    Files.writeString(file, text.replace(from, to));
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
