package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Reads a {@code config.json} by the mapping of its class, with the weights of the fixture that has
 * this class.
 */
public final class ConfigHarness {
  private static final String MODELS =
      "java/model/src/test/resources/dev/vidrio/model/architecture";
  private static final String CONFIG = "config.json";
  private static final String WEIGHTS = "model.safetensors";

  /** The directories of fixtures, by class. */
  private static final Map<String, Path> DIRECTORIES = directories();

  private ConfigHarness() {}

  private static Map<String, Path> directories() {
    Path scratch = Fixtures.scratch();
    Map<String, Path> directories = new HashMap<>();
    for (Path fixture : Fixtures.directories(MODELS, CONFIG)) {
      byte[] config = Fixtures.read(fixture.resolve(CONFIG));
      String type = type(JsonFile.parseObject(CONFIG, "", config));
      if (!directories.containsKey(type)) {
        Path directory = scratch.resolve(String.valueOf(fixture.getFileName()));
        directory.toFile().mkdir();
        Fixtures.copy(fixture.resolve(WEIGHTS), directory.resolve(WEIGHTS));
        directories.put(type, directory);
      }
    }
    return directories;
  }

  private static String type(JsonNode config) {
    return config.path("architectures").path(0).asString("");
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    try {
      var _ = opens(data);
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  /**
   * Opens a model with a configuration, unless its class is unknown.
   *
   * @return false if it is unknown
   * @throws ModelException if the configuration is rejected
   */
  static boolean opens(byte[] config) {
    try (Arena arena = Arena.ofConfined()) {
      Path directory = DIRECTORIES.get(type(JsonFile.parseObject(CONFIG, "", config)));
      if (directory != null) {
        Fixtures.write(directory.resolve(CONFIG), config);
        var _ = HuggingFaceModel.open(directory, arena).toGguf(arena);
      }
      return directory != null;
    }
  }

  /** Returns the configurations of all fixtures. */
  public static List<byte[]> seeds() {
    return Fixtures.directories(MODELS, CONFIG).stream()
        .map(directory -> Fixtures.read(directory.resolve(CONFIG)))
        .toList();
  }
}
