package dev.vidrio.formats.file;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CreatedDirectoriesTest {
  @TempDir private Path directory;

  @Test
  void removesEmptyDirectories() throws IOException {
    Path inner = directory.resolve("a/b/c");
    try (var _ = CreatedDirectories.of(inner)) {
      assertTrue(Files.isDirectory(inner));
    }
    assertFalse(Files.exists(directory.resolve("a")));
    assertTrue(Files.isDirectory(directory));
  }

  @Test
  void keepsDirectoriesWithFiles() throws IOException {
    try (var _ = CreatedDirectories.of(directory.resolve("a/b"))) {
      Files.writeString(directory.resolve("a/x"), "x");
    }
    assertFalse(Files.exists(directory.resolve("a/b")));
    assertTrue(Files.exists(directory.resolve("a/x")));
  }

  @Test
  void keepsExistingDirectories() throws IOException {
    Path empty = Files.createDirectory(directory.resolve("empty"));
    try (var _ = CreatedDirectories.of(empty)) {
      assertTrue(Files.isDirectory(empty));
    }
    assertTrue(Files.isDirectory(empty));
  }

  @Test
  void removesDirectoriesOnFailure() throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "x");
    assertThrows(FileAlreadyExistsException.class, () -> CreatedDirectories.of(file));
    assertThrows(IOException.class, () -> CreatedDirectories.of(file.resolve("a")));
    assertTrue(Files.isRegularFile(file));
  }
}
