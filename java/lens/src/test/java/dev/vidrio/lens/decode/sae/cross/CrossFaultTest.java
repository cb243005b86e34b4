package dev.vidrio.lens.decode.sae.cross;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.decode.sae.CheckpointFile;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Lets each operation on the files of crosscoders and cross-layer transcoders fail in turn. Then an
 * error names the file, and the directory has all old or all new files.
 */
class CrossFaultTest extends BardTest {
  @TempDir Path directory;
  private final FaultyFileSystem files = new FaultyFileSystem();

  private void assertNamesFileAndReason(Exception e) {
    FaultyFileSystem.assertNamesFileAndReason(directory, e);
  }

  private CrossTraining training(boolean crosscoder, long seed) throws IOException {
    ActivationSources sources =
        crosscoder
            ? ActivationSources.ofLayers(lens, lens.points("blocks.1-2.hook_resid_post"))
            : ActivationSources.ofCrossLayer(
                lens, lens.points("*.ln2.hook_normalized"), lens.points("*.hook_mlp_out"));
    var options = new CrossOptions(8, 2, 0, 1e-2, 8, 1, 100, 1, seed);
    var training = new CrossTraining(model.executor(), sources, options, null, step -> {});
    training.add(model.tokenizer().encode("To be, or not to be: that is the question"));
    training.endText();
    return training;
  }

  private static Map<String, byte[]> contents(Path directory) throws IOException {
    Map<String, byte[]> contents = new TreeMap<>();
    try (Stream<Path> paths = Files.list(directory)) {
      for (Path path : paths.toList()) {
        contents.put(String.valueOf(path.getFileName()), Files.readAllBytes(path));
      }
    }
    return contents;
  }

  private static boolean areEqual(Map<String, byte[]> one, Map<String, byte[]> other) {
    return one.keySet().equals(other.keySet())
        && one.entrySet().stream()
            .allMatch(file -> Arrays.equals(file.getValue(), other.get(file.getKey())));
  }

  private static void restore(Path directory, Map<String, byte[]> contents) throws IOException {
    for (var file : contents.entrySet()) {
      Path part = Files.write(directory.resolve("part"), file.getValue());
      Files.move(part, directory.resolve(file.getKey()), StandardCopyOption.REPLACE_EXISTING);
    }
  }

  @Test
  void replacesAllFilesOfTranscoderOrNone() throws IOException {
    Path target = directory.resolve("clt");
    try (CrossTraining before = training(false, 1);
        CrossTraining saved = training(false, 2)) {
      saved.saveTranscoder(target, "bard");
      Map<String, byte[]> whole = contents(target);
      before.saveTranscoder(target, "bard");
      Map<String, byte[]> old = contents(target);
      assertFalse(areEqual(whole, old));
      int operations =
          files.failEach(
              () -> restore(target, old),
              () -> saved.saveTranscoder(files.path(target), "bard"),
              this::assertNamesFileAndReason,
              () -> {
                Map<String, byte[]> now = contents(target);
                assertTrue(areEqual(now, old) || areEqual(now, whole), now.keySet()::toString);
              });
      assertTrue(operations > 30, () -> operations + " operations");
      assertTrue(areEqual(whole, contents(target)));
    }
  }

  @Test
  void replacesBothFilesOfCrosscoderOrNone() throws IOException {
    Path target = directory.resolve("crosscoder");
    try (CrossTraining before = training(true, 1);
        CrossTraining saved = training(true, 2)) {
      saved.saveCrosscoder(target);
      Map<String, byte[]> whole = contents(target);
      before.saveCrosscoder(target);
      Map<String, byte[]> old = contents(target);
      files.failEach(
          () -> restore(target, old),
          () -> saved.saveCrosscoder(files.path(target)),
          this::assertNamesFileAndReason,
          () -> {
            Map<String, byte[]> now = contents(target);
            assertTrue(areEqual(now, old) || areEqual(now, whole), now.keySet()::toString);
          });
      assertTrue(areEqual(whole, contents(target)));
    }
  }

  @Test
  void loadsCrosscoder() throws IOException {
    DictionaryFixtures.copy("crosscoder-batchtopk", directory);
    files.failEach(
        () -> {},
        () -> Crosscoder.open(model.executor(), files.path(directory)).close(),
        this::assertNamesFileAndReason,
        () -> assertFalse(files.hasMappedMemory()));
    files.shortenTransfers();
    Crosscoder.open(model.executor(), files.path(directory)).close();
  }

  /** A writer may replace both files between the two reads. */
  @Test
  void rejectsFilesThatAreReplacedWhileTheyLoad() throws IOException {
    DictionaryFixtures.copy("crosscoder-batchtopk", directory);
    Path config = DictionaryFixtures.path("crosscoder/config.json");
    files.afterMap(
        () ->
            Files.copy(
                config, directory.resolve("config.json"), StandardCopyOption.REPLACE_EXISTING));
    var e =
        assertThrows(
            ModelFileException.class,
            () -> Crosscoder.open(model.executor(), files.path(directory)).close());
    assertTrue(String.valueOf(e.getMessage()).contains("config.json: was replaced"), e::toString);
  }

  /** The old state remains if a new one cannot be written. */
  @Test
  @Tag("long")
  void keepsOldCheckpoint() throws IOException {
    ActivationSources sources =
        ActivationSources.ofLayers(lens, lens.points("blocks.1-2.hook_resid_post"));
    var options = new CrossOptions(8, 2, 0, 1e-2, 8, 4, 100, 1, 0);
    Path state = directory.resolve("state.safetensors");
    int[] text = model.tokenizer().encode("To be, or not to be: that is the question");
    files.failEach(
        () -> Files.deleteIfExists(state),
        () -> {
          var file = new CheckpointFile(files.path(state), 1);
          try (var training =
              new CrossTraining(model.executor(), sources, options, file, step -> {})) {
            while (!training.isDone()) {
              training.add(text);
              training.endText();
            }
          }
        },
        this::assertNamesFileAndReason,
        () -> {
          if (Files.exists(state)) {
            var file = new CheckpointFile(state, 1);
            new CrossTraining(model.executor(), sources, options, file, step -> {}).close();
          }
        });
  }
}
