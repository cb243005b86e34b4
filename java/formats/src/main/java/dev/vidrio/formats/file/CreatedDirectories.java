package dev.vidrio.formats.file;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * A directory and its parents, created where missing. Closing removes those that were created and
 * are still empty; so does the exit of an interrupted program.
 */
public final class CreatedDirectories implements AutoCloseable {
  /** The created directories, the innermost first. */
  private final Deque<Path> made = new ArrayDeque<>();

  private CreatedDirectories() {}

  /**
   * Creates the missing directories.
   *
   * @throws IOException if a directory cannot be created, or a file has its name; no created
   *     directory remains then
   */
  public static CreatedDirectories of(Path directory) throws IOException {
    Deque<Path> missing = new ArrayDeque<>();
    for (@Nullable Path path = directory.toAbsolutePath().normalize();
        path != null && !Files.isDirectory(path);
        path = path.getParent()) {
      missing.push(path);
    }
    var result = new CreatedDirectories();
    try {
      for (Path path : missing) {
        result.create(path);
      }
    } catch (Throwable e) {
      result.close();
      throw e;
    }
    return result;
  }

  private void create(Path path) throws IOException {
    try {
      Files.createDirectory(path);
    } catch (FileAlreadyExistsException e) {
      if (Files.isDirectory(path)) {
        return; // created meanwhile, or its attributes could not be read before
      }
      throw e;
    }
    made.push(path);
    path.toFile().deleteOnExit(); // does not remove a directory that contains files
  }

  /** Removes the created directories that are empty. */
  @Override
  public void close() throws IOException {
    try {
      for (Path path : made) {
        Files.deleteIfExists(path);
      }
    } catch (DirectoryNotEmptyException _) {
      // the directory and its parents are in use
    }
  }
}
