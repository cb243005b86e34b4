package dev.vidrio.hub.download;

import static dev.vidrio.hub.source.ProgressListener.Phase.VERIFYING;

import dev.vidrio.error.ModelStoreException;
import dev.vidrio.hub.file.ByteSize;
import dev.vidrio.hub.file.DiskSpace;
import dev.vidrio.hub.file.IoReason;
import dev.vidrio.hub.file.Sha256;
import dev.vidrio.hub.source.ProgressListener;
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
 * The beginning of a file that is being fetched, with its SHA-256 so far.
 *
 * <p>Beside it lies the validator (ETag or date) under which the server gave these bytes; without
 * one they cannot be continued, and the file starts over. The caller holds the store's lock.
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

  /** Opens the part, and reads what is there into the digest if it can be continued. */
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

  /** Returns the bytes that are here. */
  public long length() {
    return length;
  }

  /** Returns what the server must confirm for these bytes to be continued. */
  Optional<String> validator() {
    return validator;
  }

  /** Drops what is here; what follows comes under the given validator. */
  void restart(Optional<String> newValidator) {
    try {
      // A device or pipe that stands for the part has no bytes and cannot be truncated.
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
   * Checks that there is space for more bytes.
   *
   * @throws ModelStoreException if not, with both numbers
   */
  void requireSpace(long more) {
    long usable = usableBytes();
    if (usable < more) {
      throw new ModelStoreException(
          model,
          "needs "
              + ByteSize.of(more)
              + ", but only "
              + ByteSize.of(usable)
              + " are free in "
              + directory,
          "free some space, or set VIDRIO_HOME to a directory elsewhere",
          null);
    }
  }

  private long usableBytes() {
    try {
      return space.usableBytes(directory);
    } catch (IOException e) {
      throw new ModelStoreException(
          model, "cannot tell the free space of " + directory + ": " + IoReason.of(e), "", e);
    }
  }

  /** Appends bytes. What was written before can still be continued if this fails. */
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
          "writing "
              + path
              + " failed after "
              + ByteSize.of(length)
              + " with "
              + ByteSize.of(usableBytes())
              + " free: "
              + IoReason.of(e),
          validator.isPresent() ? "what is there is kept, and the next pull continues it" : "",
          e);
    }
    digest.update(written);
  }

  /**
   * Checks the whole file against what is expected, and makes it the model under its final name.
   *
   * @return its SHA-256
   * @throws SourceException if size or SHA-256 differ; the part is removed
   */
  public String finish(Expected expected, Path target) throws SourceException {
    String actual = HexFormat.of().formatHex(digest.digest());
    if (expected.hasBytes() && length != expected.bytes()) {
      discard();
      throw SourceException.refused(
          length + " bytes came, expected are " + expected.bytes() + "; the download was removed");
    }
    if (expected.sha256().isPresent() && !expected.sha256().get().equals(actual)) {
      discard();
      throw SourceException.refused(
          "the download has SHA-256 "
              + actual
              + ", expected is "
              + expected.sha256().get()
              + "; it was removed");
    }
    try {
      channel.force(true);
      channel.close();
      Files.move(path, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Files.deleteIfExists(validatorPath);
      syncDirectory();
    } catch (IOException e) {
      throw new ModelStoreException(
          model, "cannot move " + path + " to " + target + ": " + IoReason.of(e), "", e);
    }
    return actual;
  }

  /** Makes the new name survive a power cut, where the platform lets a directory be opened. */
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

  /** Closes the part, and removes it if it cannot be continued. */
  @Override
  public void close() throws IOException {
    channel.close();
    if (length == 0 || validator.isEmpty()) {
      Files.deleteIfExists(path);
      Files.deleteIfExists(validatorPath);
    }
  }
}
