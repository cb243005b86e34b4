package dev.vidrio.formats.file;

import dev.vidrio.error.ModelFileException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.function.Supplier;

/** Maps model files into memory. */
public final class MappedFile {

  private MappedFile() {}

  /**
   * Maps a whole file for reading.
   *
   * @param arena determines the lifetime of the mapping
   * @throws ModelFileException if the file is not a regular file or cannot be mapped
   */
  public static MemorySegment map(Path file, Arena arena) {
    String name = file.toString();
    try {
      // attributes first: opening a named pipe would wait for a writer
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (!attributes.isRegularFile()) {
        String what = attributes.isDirectory() ? "is a directory" : "is not a regular file";
        throw new ModelFileException(name, "", "", what);
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
        return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      }
    } catch (IOException e) {
      throw new ModelFileException(name, "", "", FileErrors.reason(e), e);
    } catch (UnsupportedOperationException e) {
      throw new ModelFileException(
          name, "", "", "the file system does not support memory mapping", e);
    }
  }

  /**
   * Runs work that reads a mapped file.
   *
   * @throws ModelFileException if another program truncates the file meanwhile
   */
  public static <T> T read(String name, Supplier<T> work) {
    try {
      return work.get();
    } catch (InternalError e) {
      Optional<ModelFileException> truncation = truncation(name, e);
      if (truncation.isPresent()) {
        throw truncation.get();
      }
      throw e;
    }
  }

  /**
   * Returns an exception that names the file, if an error is that of the JVM for a read after the
   * end of a mapped file.
   */
  public static Optional<ModelFileException> truncation(String name, Throwable e) {
    return e instanceof InternalError && String.valueOf(e.getMessage()).contains("memory access")
        ? Optional.of(new ModelFileException(name, "", "", "was truncated while it was read", e))
        : Optional.empty();
  }
}
