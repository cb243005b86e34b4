package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.lens.BardTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Lets each operation on the files of an autoencoder or transcoder fail in turn. Then an error
 * names the file, the directory has both old or both new files, and the next attempt succeeds.
 */
class SaeFaultTest extends BardTest {
  private static final String WEIGHTS = "sae_weights.safetensors";
  private static final String CONFIG = "cfg.json";

  @TempDir Path directory;
  private final FaultyFileSystem files = new FaultyFileSystem();

  private Path copy(String kind) throws IOException {
    Path target = directory.resolve("sae");
    Files.createDirectories(target);
    for (String name : List.of(WEIGHTS, CONFIG)) {
      Path source = DictionaryFixtures.path(kind).resolve(name);
      Path part = Files.write(target.resolve("part"), Files.readAllBytes(source));
      Files.move(part, target.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
    return target;
  }

  private void assertNamesFileAndReason(Exception e) {
    FaultyFileSystem.assertNamesFileAndReason(directory, e);
  }

  private void load() {
    SparseAutoencoder.load(model.executor(), files.path(directory.resolve("sae"))).close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"jumprelu", "transcoder"})
  void loads(String kind) throws IOException {
    copy(kind);
    int operations =
        files.failEach(
            () -> {},
            this::load,
            this::assertNamesFileAndReason,
            () -> assertFalse(files.hasMappedMemory()));
    assertTrue(operations > 4, () -> operations + " operations");
    files.shortenTransfers();
    load();
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void rejectsWeightsThatAreTruncatedWhileTheyLoad() throws IOException {
    Path weights = copy("jumprelu").resolve(WEIGHTS);
    byte[] whole = Files.readAllBytes(weights);
    assertTrue(whole.length > 4096);
    files.afterMap(() -> Files.write(weights, Arrays.copyOf(whole, whole.length % 4096)));
    var e = assertThrows(ModelFileException.class, this::load);
    assertTrue(String.valueOf(e.getMessage()).contains("was truncated while"), e::toString);
    assertFalse(files.hasMappedMemory());
    files.afterMap(() -> {});
    Files.write(weights, whole);
    load();
  }

  /** A writer may replace both files between the two reads. */
  @Test
  void rejectsFilesThatAreReplacedWhileTheyLoad() throws IOException {
    copy("jumprelu");
    files.afterMap(() -> copy("standard"));
    var e = assertThrows(ModelFileException.class, this::load);
    assertTrue(String.valueOf(e.getMessage()).contains("cfg.json: was replaced"), e::toString);
  }

  private static Map<String, byte[]> contents(Path directory) throws IOException {
    Map<String, byte[]> contents = new LinkedHashMap<>();
    try (Stream<Path> paths = Files.list(directory)) {
      for (Path path : paths.sorted().toList()) {
        contents.put(path.getFileName().toString(), Files.readAllBytes(path));
      }
    }
    return contents;
  }

  private static boolean areEqual(Map<String, byte[]> one, Map<String, byte[]> other) {
    return one.keySet().equals(other.keySet())
        && one.entrySet().stream()
            .allMatch(file -> Arrays.equals(file.getValue(), other.get(file.getKey())));
  }

  @ParameterizedTest
  @ValueSource(strings = {"jumprelu", "transcoder"})
  void replacesBothFilesOrNone(String kind) throws IOException {
    try (SparseAutoencoder saved =
        SparseAutoencoder.load(model.executor(), DictionaryFixtures.path(kind))) {
      Path target = directory.resolve("sae");
      saved.save(target, "bard");
      Map<String, byte[]> whole = contents(target);
      Map<String, byte[]> old = contents(copy("standard"));
      int operations =
          files.failEach(
              () -> copy("standard"),
              () -> saved.save(files.path(target), "bard"),
              this::assertNamesFileAndReason,
              () -> {
                Map<String, byte[]> now = contents(target);
                assertTrue(areEqual(now, old) || areEqual(now, whole), now.keySet()::toString);
              });
      assertTrue(operations > 15, () -> operations + " operations");
      assertArrayEquals(whole.get(WEIGHTS), contents(target).get(WEIGHTS));
    }
  }

  @Test
  void savesNewDirectoryOrNone() throws IOException {
    Path target = directory.resolve("new");
    try (SparseAutoencoder saved =
        SparseAutoencoder.load(model.executor(), DictionaryFixtures.path("jumprelu"))) {
      files.failEach(
          () -> {
            Files.deleteIfExists(target.resolve(WEIGHTS));
            Files.deleteIfExists(target.resolve(CONFIG));
            Files.deleteIfExists(target);
          },
          () -> saved.save(files.path(target), "bard"),
          this::assertNamesFileAndReason,
          () -> {
            if (Files.exists(target)) {
              assertEquals(List.of(CONFIG, WEIGHTS), List.copyOf(contents(target).keySet()));
            }
          });
    }
  }
}
