package dev.vidrio.cli.io;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reading what the user names, and saying plainly what is wrong with it. */
public final class InputOutput {
  private InputOutput() {}

  /** The text of a file. */
  public static String read(Path file) {
    if (Files.isDirectory(file)) {
      throw new CommandException(file + ": is a directory");
    }
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new CommandException(file + ": is not UTF-8", e);
    } catch (IOException e) {
      throw new CommandException(reason(e), e);
    }
  }

  /** The text that comes on standard input. */
  public static String readStandardInput() {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(System.in.readAllBytes()))
          .toString();
    } catch (CharacterCodingException e) {
      throw new CommandException("standard input: is not UTF-8", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The next line of standard input without its end, or null where it ends. */
  public static @Nullable String readLine() {
    var line = new ByteArrayOutputStream();
    try {
      int b = System.in.read();
      if (b < 0) {
        return null;
      }
      for (; b >= 0 && b != '\n'; b = System.in.read()) {
        line.write(b);
      }
      return line.toString(StandardCharsets.UTF_8).stripTrailing();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Refuses a file that cannot be written, before the work is done whose results it takes.
   *
   * @throws CommandException when its directory does not exist or cannot be written, or it is one
   */
  public static void requireWritable(Path file) {
    Path directory = Objects.requireNonNullElse(file.toAbsolutePath().getParent(), file);
    if (!Files.isDirectory(directory)) {
      throw new CommandException(file + ": there is no directory " + directory);
    }
    if (Files.isDirectory(file)) {
      throw new CommandException(file + ": is a directory");
    }
    requirePermission(directory);
  }

  /**
   * Refuses a directory that files cannot be written to, before the work is done whose results it
   * takes. It need not exist, nor those above it.
   *
   * @throws CommandException when it or the first of those above it that exists is a file, or
   *     cannot be written
   */
  public static void requireWritableDirectory(Path directory) {
    Path existing = directory.toAbsolutePath().normalize();
    while (!Files.exists(existing) && existing.getParent() != null) {
      existing = existing.getParent();
    }
    if (!Files.isDirectory(existing)) {
      throw new CommandException(existing + ": is there, and no directory");
    }
    requirePermission(existing);
  }

  private static void requirePermission(Path directory) {
    if (!Files.isWritable(directory)) {
      throw new CommandException(directory + ": permission denied");
    }
  }

  /** What an I/O error says, in words. */
  public static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + ": no such file or directory";
      case AccessDeniedException denied -> denied.getFile() + ": permission denied";
      case FileAlreadyExistsException other -> other.getFile() + ": is there, and no directory";
      case FileSystemException other -> other.getFile() + ": " + other.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }
}
