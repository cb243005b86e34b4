package dev.vidrio.formats.file;

import dev.vidrio.error.ModelFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;

/**
 * Tests files. Unlike {@link Files#exists} and {@link Files#isDirectory}, the methods do not take a
 * file for missing if the system cannot tell.
 */
public final class FileStatus {
  private FileStatus() {}

  /**
   * Returns whether a file or directory exists.
   *
   * @throws ModelFileException if its attributes cannot be read
   */
  public static boolean exists(Path path) {
    return attributes(path).isPresent();
  }

  /**
   * Returns whether a path is a directory; false if it does not exist.
   *
   * @throws ModelFileException if its attributes cannot be read
   */
  public static boolean isDirectory(Path path) {
    return attributes(path).filter(BasicFileAttributes::isDirectory).isPresent();
  }

  private static Optional<BasicFileAttributes> attributes(Path path) {
    try {
      return Optional.of(Files.readAttributes(path, BasicFileAttributes.class));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new ModelFileException(path.toString(), "", "", FileErrors.reason(e), e);
    }
  }
}
