package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a {@code cfg.json} of SAELens with the weights of the fixture that has its architecture.
 */
public final class SaeHarness {
  private static final String FIXTURES = "java/lens/src/test/resources/dev/vidrio/lens/decode/sae";
  private static final String CONFIG = "cfg.json";
  private static final String WEIGHTS = "sae_weights.safetensors";
  private static final Executor EXECUTOR = JavaExecutor.scalar(1);
  private static final Map<String, Path> DIRECTORIES = directories();

  private SaeHarness() {}

  private static Map<String, Path> directories() {
    Path scratch = Fixtures.scratch();
    Map<String, Path> directories = new HashMap<>();
    for (Path fixture : Fixtures.directories(FIXTURES, CONFIG)) {
      Path directory = scratch.resolve(String.valueOf(fixture.getFileName()));
      directory.toFile().mkdir();
      Fixtures.copy(fixture.resolve(WEIGHTS), directory.resolve(WEIGHTS));
      directories.put(architecture(Fixtures.read(fixture.resolve(CONFIG))), directory);
    }
    return directories;
  }

  private static String architecture(byte[] config) {
    return JsonFile.parseObject(CONFIG, "", config).path("architecture").asString("standard");
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    try {
      open(data);
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  /**
   * Opens an autoencoder with a configuration.
   *
   * @throws ModelException if the configuration is rejected
   */
  static void open(byte[] config) {
    Path directory = DIRECTORIES.getOrDefault(architecture(config), DIRECTORIES.get("standard"));
    if (directory != null) {
      Fixtures.write(directory.resolve(CONFIG), config);
      var _ = SparseAutoencoder.load(EXECUTOR, directory);
    }
  }

  /** Returns the configurations of all fixtures. */
  public static List<byte[]> seeds() {
    return Fixtures.directories(FIXTURES, CONFIG).stream()
        .map(directory -> Fixtures.read(directory.resolve(CONFIG)))
        .toList();
  }
}
