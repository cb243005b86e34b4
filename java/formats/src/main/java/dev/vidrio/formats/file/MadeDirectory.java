package dev.vidrio.formats.file;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * A directory for files to come, and those above it: what is missing is made, and what of that is
 * still empty in the end is removed again, also when the program is interrupted.
 */
public final class MadeDirectory implements AutoCloseable {
  /** Those that were made, the innermost first. */
  private final Deque<Path> made = new ArrayDeque<>();

  private MadeDirectory() {}

  /**
   * Makes what is missing.
   *
   * @throws IOException when a directory cannot be made, or something else has its name; then none
   *     is left
   */
  public static MadeDirectory of(Path directory) throws IOException {
    Deque<Path> missing = new ArrayDeque<>();
    for (@Nullable Path path = directory.toAbsolutePath().normalize();
        path != null && !Files.isDirectory(path);
        path = path.getParent()) {
      missing.push(path);
    }
    var result = new MadeDirectory();
    try {
      for (Path path : missing) {
        Files.createDirectory(path);
        result.made.push(path);
        path.toFile().deleteOnExit(); // removes no directory with files in it
      }
    } catch (Throwable e) {
      result.close();
      throw e;
    }
    return result;
  }

  /** Removes those that were made and are empty. */
  @Override
  public void close() throws IOException {
    try {
      for (Path path : made) {
        Files.deleteIfExists(path);
      }
    } catch (DirectoryNotEmptyException _) {
      // it and those above it are in use
    }
  }
}
