package dev.vidrio.formats.file;

import dev.vidrio.error.ModelFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** Reads untrusted files of bounded size, such as configurations. */
public final class SmallFile {
  private SmallFile() {}

  /**
   * Reads a whole file.
   *
   * @param maxBytes the largest file size accepted
   * @throws ModelFileException if the file cannot be read, is too long or is not a regular file
   */
  public static byte[] read(Path file, long maxBytes) {
    String name = file.toString();
    try {
      var attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (!attributes.isRegularFile()) {
        throw new ModelFileException(name, "", "", "is not a regular file");
      }
      long size = attributes.size();
      if (size > maxBytes) {
        String limit = "must be at most " + maxBytes;
        throw new ModelFileException(name, "size", Long.toString(size), limit);
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new ModelFileException(name, "", "", FileErrors.reason(e), e);
    }
  }
}
