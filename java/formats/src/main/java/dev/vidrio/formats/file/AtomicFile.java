package dev.vidrio.formats.file;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A file that appears under its name only when it is complete.
 *
 * <p>Bytes go to a temporary file in the target's directory, which {@link #finish} renames to the
 * target atomically. If the program ends earlier, the old file remains, or no file; only a killed
 * process leaves the temporary file. Not thread-safe.
 */
public final class AtomicFile implements AutoCloseable {
  private static final int CHUNK = 1 << 20;

  private final Path target;
  private final Path temporary;
  private final FileChannel channel;
  private boolean finished;
  // The old file of a target that belongs to others, while they are replaced.
  private @Nullable Path old;

  private AtomicFile(Path target) throws IOException {
    this.target = regularFile(target);
    String unused = Long.toUnsignedString(RandomGenerator.getDefault().nextLong(), 36);
    this.temporary =
        this.target.resolveSibling("." + this.target.getFileName() + "-" + unused + ".part");
    this.channel = open();
    temporary.toFile().deleteOnExit();
  }

  /**
   * Creates the file with default permissions; {@link Files#createTempFile} would deny access to
   * other users.
   */
  private FileChannel open() throws IOException {
    try {
      return FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    } catch (NoSuchFileException e) {
      throw new NoSuchFileException(target.toString());
    } catch (AccessDeniedException e) {
      throw new AccessDeniedException(target.toString());
    }
  }

  /**
   * Creates the temporary file.
   *
   * @throws IOException if the directory cannot be written, or the target is not a regular file
   */
  public static AtomicFile create(Path target) throws IOException {
    return new AtomicFile(target);
  }

  /**
   * Writes a whole file atomically.
   *
   * @throws IOException as {@link #create}, {@link #write(ByteBuffer, long)} and {@link #finish} do
   */
  public static void write(Path target, byte[] content) throws IOException {
    try (AtomicFile file = create(target)) {
      file.write(ByteBuffer.wrap(content), 0);
      file.finish();
    }
  }

  /**
   * Resolves symbolic links of an existing target, so that the link survives; rejects devices and
   * directories.
   */
  private static Path regularFile(Path target) throws IOException {
    try {
      if (!Files.readAttributes(target, BasicFileAttributes.class).isRegularFile()) {
        throw new FileSystemException(target.toString(), null, "is not a regular file");
      }
      return target.toRealPath();
    } catch (NoSuchFileException e) {
      return target;
    }
  }

  /**
   * Writes all remaining bytes at a position of the file.
   *
   * @throws IOException if the file cannot be written, for example because the disk is full
   */
  public void write(ByteBuffer bytes, long position) throws IOException {
    try {
      for (long at = position; bytes.hasRemaining(); ) {
        at += channel.write(bytes, at);
      }
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      throw FileErrors.named(target, e);
    }
  }

  /**
   * Writes a segment at a position of the file.
   *
   * @throws IOException as {@link #write(ByteBuffer, long)} does
   */
  public void write(MemorySegment data, long position) throws IOException {
    for (long done = 0; done < data.byteSize(); done += CHUNK) {
      long bytes = Math.min(CHUNK, data.byteSize() - done);
      write(data.asSlice(done, bytes).asByteBuffer(), position + done);
    }
  }

  /**
   * Forces all bytes to the disk and renames the temporary file to the target.
   *
   * @throws IOException if the file cannot be written
   */
  public void finish() throws IOException {
    force();
    rename(temporary, target);
    finished = true;
  }

  /**
   * Completes files that belong together. The old file of the first one is renamed before the
   * others are replaced, and the new one appears last, so that no reader that begins with it, and
   * compares it again at the end, uses files of two versions. If the process is killed between, the
   * first file is missing.
   *
   * @throws IOException if a file cannot be written; all have their old contents then
   */
  public static void finish(AtomicFile first, AtomicFile... others) throws IOException {
    List<AtomicFile> files = new ArrayList<>(List.of(others));
    files.add(first);
    for (AtomicFile file : files) {
      file.force();
    }
    try {
      for (AtomicFile file : files.reversed()) {
        file.setAside();
      }
      for (AtomicFile file : files) {
        rename(file.temporary, file.target);
        file.finished = true;
      }
    } catch (Throwable e) {
      for (AtomicFile file : files) {
        file.restore();
      }
      throw e;
    }
    for (AtomicFile file : files) {
      try {
        file.deleteOld();
      } catch (IOException e) {
        // close() tries again
      }
    }
  }

  /** Renames the old file. */
  private void setAside() throws IOException {
    if (Files.exists(target)) {
      Path aside = temporary.resolveSibling(temporary.getFileName() + ".old");
      rename(target, aside);
      old = aside;
    }
  }

  /** Restores the old file, or removes the new one if there was none. */
  private void restore() throws IOException {
    if (old != null) {
      rename(old, target);
      old = null;
    } else if (finished) {
      Files.delete(target);
    }
    finished = false;
  }

  private void discard() throws IOException {
    try {
      channel.close();
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private void deleteOld() throws IOException {
    if (old != null) {
      Files.deleteIfExists(old);
      old = null;
    }
  }

  private static void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  private void force() throws IOException {
    try {
      channel.force(true);
      channel.close();
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      throw FileErrors.named(target, e);
    }
  }

  /** Removes the temporary file unless {@link #finish} has succeeded. */
  @Override
  public void close() throws IOException {
    try {
      deleteOld();
    } finally {
      if (!finished) {
        discard();
      }
    }
  }
}
