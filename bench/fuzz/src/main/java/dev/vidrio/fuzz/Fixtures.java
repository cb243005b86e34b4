package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Reads the fixtures of other modules, and files that a harness passes to a parser. */
final class Fixtures {
  private static final Path TOP = top();

  private Fixtures() {}

  /** Returns the root of the repository, in or below which the process was started. */
  private static Path top() {
    for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
      if (Files.exists(at.resolve("native/include/vidrio.h"))) {
        return at;
      }
    }
    throw new IllegalStateException("run this below the root of the repository");
  }

  /** Returns the path of a fixture. */
  static Path path(String path) {
    return TOP.resolve(path);
  }

  /** Returns the content of a fixture. */
  static byte[] read(String path) {
    return read(path(path));
  }

  /** Returns the content of a file. */
  static byte[] read(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the subdirectories of a fixture that have a file, sorted. */
  static List<Path> directories(String path, String file) {
    try (Stream<Path> found = Files.list(path(path))) {
      return found.filter(directory -> Files.exists(directory.resolve(file))).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Creates a directory for the files of a harness. */
  static Path scratch() {
    try {
      Path directory = Files.createTempDirectory("vidrio-fuzz");
      Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
      return directory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path directory) {
    try (Stream<Path> files = Files.walk(directory)) {
      files.sorted((one, other) -> other.compareTo(one)).forEach(file -> file.toFile().delete());
    } catch (IOException e) {
      System.err.println("cannot delete " + directory + ": " + e.getMessage());
    }
  }

  /** Writes a file. */
  static void write(Path file, byte[] data) {
    try {
      Files.write(file, data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Copies a fixture, since links out of a model's directory are rejected. */
  static void copy(Path fixture, Path copy) {
    try {
      Files.copy(fixture, copy);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The contents of two files in one input, separated by the first zero byte. The second is empty
   * if there is no zero byte.
   */
  static final class Two {
    private final byte[] first;
    private final byte[] second;

    Two(byte[] first, byte[] second) {
      this.first = first;
      this.second = second;
    }

    static Two of(byte[] data) {
      int end = 0;
      while (end < data.length && data[end] != 0) {
        end++;
      }
      return new Two(
          Arrays.copyOf(data, end),
          Arrays.copyOfRange(data, Math.min(end + 1, data.length), data.length));
    }

    byte[] first() {
      return first;
    }

    byte[] second() {
      return second;
    }

    byte[] toBytes() {
      byte[] data = Arrays.copyOf(first, first.length + 1 + second.length);
      System.arraycopy(second, 0, data, first.length + 1, second.length);
      return data;
    }
  }

  /** Returns an input as text; ill-formed UTF-8 becomes U+FFFD. */
  static String text(byte[] data) {
    return new String(data, UTF_8);
  }

  /** Returns texts as inputs. */
  static List<byte[]> bytes(String... texts) {
    return Stream.of(texts).map(text -> text.getBytes(UTF_8)).toList();
  }
}
