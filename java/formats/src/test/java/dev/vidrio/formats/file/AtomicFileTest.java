package dev.vidrio.formats.file;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
  private static final byte[] CONTENT = "content".getBytes(StandardCharsets.UTF_8);

  @TempDir Path directory;

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Test
  void createsFilesWithDefaultPermissions() throws IOException {
    assumeTrue(Files.getFileStore(directory).supportsFileAttributeView("posix"));
    Path other = Files.createFile(directory.resolve("other"));
    Path target = directory.resolve("target");
    AtomicFile.write(target, CONTENT);
    assertArrayEquals(CONTENT, Files.readAllBytes(target));
    assertEquals(Files.getPosixFilePermissions(other), Files.getPosixFilePermissions(target));
  }

  @Test
  void removesUnfinishedFiles() throws IOException {
    try (AtomicFile file = AtomicFile.create(directory.resolve("target"))) {
      file.write(ByteBuffer.wrap(CONTENT), 0);
      assertEquals(1, names().size());
    }
    assertEquals(List.of(), names());
  }

  @Test
  void namesTargetInErrors() {
    Path target = directory.resolve("none").resolve("target");
    var error = assertThrows(NoSuchFileException.class, () -> AtomicFile.create(target));
    assertEquals(target.toString(), error.getFile());
  }

  /** Simulates a full disk: exceptions of a channel do not contain the file's name. */
  @Test
  void namesTargetInWriteErrors() throws IOException {
    Path target = directory.resolve("target");
    try (AtomicFile file = AtomicFile.create(target)) {
      ByteBuffer content = ByteBuffer.wrap(CONTENT);
      var error =
          assertThrows(FileSystemException.class, () -> file.write(content, Long.MAX_VALUE - 1));
      assertEquals(target.toString(), error.getFile());
      assertNotNull(error.getReason());
    }
    assertEquals(List.of(), names());
  }
}
