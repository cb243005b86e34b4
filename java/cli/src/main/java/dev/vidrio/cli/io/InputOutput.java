package dev.vidrio.cli.io;

import dev.vidrio.formats.file.FileStatus;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.AccessMode;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Reads files and standard input, and describes I/O errors. */
public final class InputOutput {
  private InputOutput() {}

  /** Returns the text of a UTF-8 file. */
  public static String read(Path file) {
    if (FileStatus.isDirectory(file)) {
      throw new CommandException(file + ": is a directory");
    }
    try {
      return Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new CommandException(file + ": is not UTF-8", e);
    } catch (IOException e) {
      throw new CommandException(reason(file.toString(), e), e);
    }
  }

  /**
   * Opens a UTF-8 file to read it in parts; ill-formed text gives a {@link
   * CharacterCodingException}.
   *
   * @throws IOException if the file cannot be opened
   */
  public static Reader reader(Path file) throws IOException {
    if (FileStatus.isDirectory(file)) {
      throw new CommandException(file + ": is a directory");
    }
    return Files.newBufferedReader(file);
  }

  /** Returns standard input in UTF-8; ill-formed text gives a {@link CharacterCodingException}. */
  public static Reader standardInput() {
    return new InputStreamReader(System.in, StandardCharsets.UTF_8.newDecoder());
  }

  /** Returns whether standard input may have a text: it is a file or a pipe. */
  public static boolean isPiped() {
    return !Terminal.IN.isTerminal() && !Workspace.isActive();
  }

  /** Returns the text of standard input, in UTF-8. */
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

  /** Returns the next line of standard input without its line end, or null at the end. */
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
   * Rejects a file that cannot be written. Called before the results are computed.
   *
   * @throws CommandException if the file is a directory, or its directory is missing or read-only
   */
  public static void requireWritable(Path file) {
    Workspace.requireInside(file);
    Path directory = Objects.requireNonNullElse(file.toAbsolutePath().getParent(), file);
    if (!FileStatus.isDirectory(directory)) {
      throw new CommandException(file + ": no such directory: " + directory);
    }
    if (FileStatus.isDirectory(file)) {
      throw new CommandException(file + ": is a directory");
    }
    requirePermission(directory);
  }

  /**
   * Rejects a directory that cannot be created or written. Called before the results are computed.
   *
   * @throws CommandException if its nearest existing ancestor is a file or read-only
   */
  public static void requireWritableDirectory(Path directory) {
    Workspace.requireInside(directory);
    Path existing = directory.toAbsolutePath().normalize();
    while (!FileStatus.exists(existing) && existing.getParent() != null) {
      existing = existing.getParent();
    }
    if (!FileStatus.isDirectory(existing)) {
      throw new CommandException(existing + ": not a directory");
    }
    requirePermission(existing);
  }

  private static void requirePermission(Path directory) {
    try {
      directory.getFileSystem().provider().checkAccess(directory, AccessMode.WRITE);
    } catch (IOException e) {
      throw new CommandException(reason(directory.toString(), e), e);
    }
  }

  /** Returns the file and the reason of an I/O error. */
  public static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException missing -> missing.getFile() + ": no such file or directory";
      case AccessDeniedException denied -> denied.getFile() + ": permission denied";
      case FileAlreadyExistsException other -> other.getFile() + ": not a directory";
      case FileSystemException other -> other.getFile() + ": " + other.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }

  /** Returns the file and the reason of an I/O error that may not name the file. */
  public static String reason(String file, IOException e) {
    return e instanceof FileSystemException ? reason(e) : file + ": " + e.getMessage();
  }
}
