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
import java.util.random.RandomGenerator;

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
      throw named(e);
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

  /** Adds the path to an exception of a channel, which does not contain it. */
  private FileSystemException named(IOException e) {
    var named = new FileSystemException(target.toString(), null, e.getMessage());
    named.initCause(e);
    return named;
  }

  /**
   * Forces all bytes to the disk and renames the temporary file to the target.
   *
   * @throws IOException if the file cannot be written
   */
  public void finish() throws IOException {
    try {
      channel.force(true);
      channel.close();
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      throw named(e);
    }
    Files.move(
        temporary, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    finished = true;
  }

  /** Removes the temporary file unless {@link #finish} has succeeded. */
  @Override
  public void close() throws IOException {
    if (!finished) {
      channel.close();
      Files.deleteIfExists(temporary);
    }
  }
}
