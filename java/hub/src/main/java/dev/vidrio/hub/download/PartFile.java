package dev.vidrio.hub.download;

import static dev.vidrio.hub.source.ProgressListener.Phase.VERIFYING;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.file.ByteSize;
import dev.vidrio.hub.file.DiskSpace;
import dev.vidrio.hub.file.IoReason;
import dev.vidrio.hub.source.ProgressListener;
import dev.vidrio.kernel.host.Sha256;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Optional;

/**
 * A partially downloaded file, with the SHA-256 of its bytes.
 *
 * <p>A file next to it stores the validator (ETag or date) under which the server sent these bytes;
 * without one the download cannot be resumed and restarts. The caller must hold the store's lock.
 * Not thread-safe.
 */
public final class PartFile implements Closeable {

  private static final int HASH_BLOCK = 1 << 20;

  private final String model;
  private final Path directory;
  private final Path path;
  private final Path validatorPath;
  private final DiskSpace space;
  private final FileChannel channel;
  private final MessageDigest digest = Sha256.newDigest();
  private Optional<String> validator;
  private long length;

  private PartFile(String model, Path path, Path validatorPath, DiskSpace space)
      throws IOException {
    this.model = model;
    this.directory = Objects.requireNonNull(path.getParent());
    this.path = path;
    this.validatorPath = validatorPath;
    this.space = space;
    this.validator = readValidator(validatorPath);
    this.channel =
        FileChannel.open(
            path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Opens the file and digests its content if the download can be resumed. */
  public static PartFile open(
      String model, Path path, Path validator, DiskSpace space, ProgressListener progress)
      throws InterruptedException {
    try {
      PartFile part = new PartFile(model, path, validator, space);
      try {
        if (part.validator.isPresent()) {
          part.digestExisting(progress);
        } else {
          part.restart(Optional.empty());
        }
        return part;
      } catch (Throwable e) {
        part.close();
        throw e;
      }
    } catch (ClosedByInterruptException e) {
      throw interrupted();
    } catch (IOException e) {
      throw new ModelStoreException(model, "cannot open " + path + ": " + IoReason.of(e), "", e);
    }
  }

  private static Optional<String> readValidator(Path path) throws IOException {
    if (!Files.exists(path)) {
      return Optional.empty();
    }
    String text = Files.readString(path, StandardCharsets.ISO_8859_1);
    return Optional.of(text).filter(HttpSettings::isHeaderValue);
  }

  private void digestExisting(ProgressListener progress) throws IOException {
    long size = channel.size();
    ByteBuffer block = ByteBuffer.allocateDirect(HASH_BLOCK);
    while (channel.read(block.clear(), length) > 0) {
      length += block.position();
      digest.update(block.flip());
      progress.onProgress(VERIFYING, length, size);
    }
  }

  /** Returns the number of bytes downloaded. */
  public long length() {
    return length;
  }

  /** Returns the validator that the server must confirm to resume the download. */
  Optional<String> validator() {
    return validator;
  }

  /** Discards the content; new content belongs to the given validator. */
  void restart(Optional<String> newValidator) {
    try {
      // A device or pipe in place of the file is empty and cannot be truncated.
      if (channel.size() > 0) {
        channel.truncate(0);
      }
      length = 0;
      digest.reset();
      validator = newValidator;
      if (newValidator.isPresent()) {
        Files.writeString(validatorPath, newValidator.get());
      } else {
        Files.deleteIfExists(validatorPath);
      }
    } catch (IOException e) {
      throw new ModelStoreException(
          model, "cannot start " + path + " over: " + IoReason.of(e), "", e);
    }
  }

  /**
   * Checks the free space for more bytes.
   *
   * @throws ModelStoreException if it is not sufficient, with both numbers
   */
  void requireSpace(long more) {
    long usable = usableBytes();
    if (usable < more) {
      throw new ModelStoreException(
          model,
          "needs %s, but only %s are free in %s"
              .formatted(ByteSize.of(more), ByteSize.of(usable), directory),
          "free some space, or set VIDRIO_HOME to a directory elsewhere",
          null);
    }
  }

  private long usableBytes() {
    try {
      return space.usableBytes(directory);
    } catch (IOException e) {
      throw new ModelStoreException(
          model, "cannot determine the free space of " + directory + ": " + IoReason.of(e), "", e);
    }
  }

  /** Appends bytes. The download can still be resumed if this fails. */
  void write(ByteBuffer bytes) throws InterruptedException {
    ByteBuffer written = bytes.duplicate();
    try {
      while (bytes.hasRemaining()) {
        length += channel.write(bytes, length);
      }
    } catch (ClosedByInterruptException e) {
      throw interrupted();
    } catch (IOException e) {
      throw new ModelStoreException(
          model,
          "writing %s failed after %s with %s free: %s"
              .formatted(path, ByteSize.of(length), ByteSize.of(usableBytes()), IoReason.of(e)),
          validator.isPresent() ? "the partial download is kept, and the next pull resumes it" : "",
          e);
    }
    digest.update(written);
  }

  /**
   * Verifies the file and renames it to the model.
   *
   * @return the SHA-256
   * @throws SourceException if size or SHA-256 differ; the file is deleted
   */
  public String finish(ExpectedFile expected, Path target) throws SourceException {
    String actual = HexFormat.of().formatHex(digest.digest());
    if (expected.hasBytes() && length != expected.bytes()) {
      discard();
      throw SourceException.refused(
          "received %s bytes, expected %s; the download was deleted"
              .formatted(length, expected.bytes()));
    }
    if (expected.sha256().isPresent() && !expected.sha256().get().equals(actual)) {
      discard();
      throw SourceException.refused(
          "the download has SHA-256 %s, expected %s; it was deleted"
              .formatted(actual, expected.sha256().get()));
    }
    try {
      channel.force(true);
      channel.close();
      Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      validator = Optional.empty(); // close() deletes its file if this fails
      Files.deleteIfExists(validatorPath);
      syncDirectory();
    } catch (IOException e) {
      throw new ModelStoreException(
          model, "cannot move " + path + " to " + target + ": " + IoReason.of(e), "", e);
    }
    return actual;
  }

  /**
   * Forces the directory to disk, so that the new name survives a power failure, where the platform
   * allows it.
   */
  private void syncDirectory() throws IOException {
    if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      try (FileChannel names = FileChannel.open(directory, StandardOpenOption.READ)) {
        names.force(true);
      }
    }
  }

  private void discard() {
    try {
      validator = Optional.empty();
      close();
    } catch (IOException e) {
      throw new ModelStoreException(model, "cannot remove " + path + ": " + IoReason.of(e), "", e);
    }
  }

  private static InterruptedException interrupted() {
    Thread.interrupted();
    return new InterruptedException("the pull was interrupted");
  }

  /** Closes the file, and deletes it if the download cannot be resumed. */
  @Override
  public void close() throws IOException {
    channel.close();
    if (length == 0 || validator.isEmpty()) {
      Files.deleteIfExists(path);
      Files.deleteIfExists(validatorPath);
    }
  }
}
