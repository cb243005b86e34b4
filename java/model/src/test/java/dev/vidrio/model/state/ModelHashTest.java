package dev.vidrio.model.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelHashTest {
  /** Hashes of files that changed before the model was opened are remembered. */
  private static final Duration SETTLED = Duration.ZERO;

  @TempDir Path directory;
  private Path file = Path.of("");
  private Path hashes = Path.of("");

  @BeforeEach
  void write() throws IOException {
    file = TinyModels.write(directory.resolve("model.gguf"), "llama");
    hashes = directory.resolve("hashes");
  }

  private ModelHash remembered() {
    try (Model model = Model.open(file)) {
      return ModelHash.of(model.loaded(), hashes, SETTLED);
    }
  }

  private static ModelHash computed(Path path) {
    try (Model model = Model.open(path)) {
      return ModelHash.of(model.loaded());
    }
  }

  @Test
  void dependsOnEveryWeightAndKey() throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    Set<ModelHash> all = new HashSet<>();
    all.add(computed(file));
    for (int i : List.of(bytes.length - 1, bytes.length - 5000, bytes.length / 2)) {
      byte[] changed = bytes.clone();
      changed[i] ^= 1;
      all.add(computed(Files.write(directory.resolve("changed.gguf"), changed)));
    }
    Path renamed =
        Files.write(
            directory.resolve("key.gguf"),
            TinyModels.writer("llama").string("general.name", "x").toBytes());
    all.add(computed(renamed));
    assertEquals(5, all.size());
    assertEquals(computed(file), computed(Files.copy(file, directory.resolve("copy.gguf"))));
  }

  private Path only() throws IOException {
    try (Stream<Path> files = Files.list(hashes)) {
      return files.findFirst().orElseThrow();
    }
  }

  @Test
  void isRememberedUntilFileChanges() throws IOException {
    ModelHash first = remembered();
    assertEquals(computed(file), first);
    String text = Files.readString(only());
    String other = "0".repeat(64);
    Files.writeString(only(), text.replace(first.hex(), other));
    assertEquals(other, remembered().hex(), "is read from the directory");
    // A change of a weight, with the size and the time of modification restored.
    FileTime before = Files.getLastModifiedTime(file);
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] ^= 1;
    Files.write(file, bytes);
    Files.setLastModifiedTime(file, before);
    ModelHash changed = remembered();
    assertNotEquals(other, changed.hex());
    assertEquals(computed(file), changed);
  }

  @Test
  void ignoresDamagedRecords() throws IOException {
    ModelHash first = remembered();
    for (String text : List.of("", "x\n", "vidrio model hash 1\nzz\n")) {
      Files.writeString(only(), text);
      assertEquals(first, remembered());
    }
  }

  /** A file that was replaced while the model was open is not taken for the open one. */
  @Test
  void isNotRememberedForFilesThatChangedSinceTheyWereOpened() throws IOException {
    try (Model model = Model.open(file)) {
      Path next = Files.write(directory.resolve("next"), Files.readAllBytes(file));
      Files.setLastModifiedTime(next, FileTime.from(Instant.now().plusSeconds(1)));
      Files.delete(file);
      Files.move(next, file);
      ModelHash.of(model.loaded(), hashes, SETTLED);
      assertTrue(Files.notExists(hashes));
    }
  }
}
