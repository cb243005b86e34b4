package dev.vidrio.formats.file;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Describes failed operations on files. */
public final class FileErrors {
  private FileErrors() {}

  /** Returns the reason why a file cannot be read, in words. */
  public static String reason(IOException e) {
    if (e instanceof NoSuchFileException) {
      return "no such file";
    }
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    String detail = e instanceof FileSystemException other ? other.getReason() : e.getMessage();
    return "cannot be read: " + detail;
  }

  /** Returns an exception that names the file, as those of open files do not. */
  public static FileSystemException named(Path file, IOException e) {
    if (e instanceof FileSystemException named) {
      return named;
    }
    var named = new FileSystemException(file.toString(), null, e.getMessage());
    named.initCause(e);
    return named;
  }
}
