package dev.vidrio.model.state;

import dev.vidrio.formats.file.FileErrors;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Files that only their owner can read, as far as the file system has permissions, since they
 * reveal prompts. A file is written under a temporary name and renamed, so that no process ever
 * opens half a file.
 */
final class PrivateFiles {
  /** The first characters of temporary names. */
  static final String TEMPORARY = "tmp-";

  // Process numbers are not unique among containers that share a directory.
  private static final String PROCESS = UUID.randomUUID().toString();
  private static final AtomicLong COUNT = new AtomicLong();

  private PrivateFiles() {}

  /** Writes the content of a file. */
  interface Content {
    /** Writes to an empty file. */
    void writeTo(FileChannel channel) throws IOException;
  }

  /** Writes a file, which replaces an existing one at once. */
  static void write(Path file, Content content) throws IOException {
    Path directory = directoryOf(file);
    Path temporary = directory.resolve(TEMPORARY + PROCESS + "-" + COUNT.incrementAndGet());
    try {
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              Set.of(StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW),
              permissions(directory, "rw-------"))) {
        content.writeTo(channel);
      }
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw FileErrors.named(file, e);
    } catch (RuntimeException | Error e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  /** Returns the directory of a file. */
  static Path directoryOf(Path file) {
    Path absolute = file.toAbsolutePath();
    return Objects.requireNonNullElse(absolute.getParent(), absolute);
  }

  /** Creates a directory and its parents, unless they exist. */
  static void createDirectories(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory, permissions(directory, "rwx------"));
    }
  }

  private static FileAttribute<?>[] permissions(Path path, String permissions) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix")
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        }
        : new FileAttribute<?>[0];
  }
}
