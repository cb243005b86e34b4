package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TemporalAutoencoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Reads a {@code cfg.json} of SAELens, with the weights that follow it after a zero byte or with
 * those of the fixture that has its architecture. An accepted autoencoder, saved and read again,
 * has an equal second copy; a temporal one cannot be saved.
 */
public final class SaeHarness {
  private static final String FIXTURES = "java/lens/src/test/resources/dev/vidrio/lens/decode/sae";
  private static final String CONFIG = "cfg.json";
  private static final String WEIGHTS = "sae_weights.safetensors";
  private static final Executor EXECUTOR = JavaExecutor.scalar(1);
  private static final Path SCRATCH = Fixtures.scratch();
  private static final Map<String, Path> DIRECTORIES = directories();
  private static final Path OWN_WEIGHTS = Fixtures.scratch();
  private static final Path FIRST = SCRATCH.resolve("first copy");
  private static final Path SECOND = SCRATCH.resolve("second copy");

  private SaeHarness() {}

  private static Map<String, Path> directories() {
    Map<String, Path> directories = new HashMap<>();
    for (Path fixture : Fixtures.directories(FIXTURES, CONFIG)) {
      Path directory = SCRATCH.resolve(String.valueOf(fixture.getFileName()));
      directory.toFile().mkdir();
      Fixtures.copy(fixture.resolve(WEIGHTS), directory.resolve(WEIGHTS));
      directories.put(architecture(Fixtures.read(fixture.resolve(CONFIG))), directory);
    }
    return directories;
  }

  /** Returns the architecture, and whether it has an encoder of its own if that is optional. */
  private static String architecture(byte[] config) {
    JsonNode json = JsonFile.parseObject(CONFIG, "", config);
    String tied = json.path("tied_weights").asBoolean(true) ? "" : " untied";
    return json.path("architecture").asString("standard") + tied;
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
   * Opens an autoencoder.
   *
   * @throws ModelException if the configuration or the weights are rejected
   */
  static void open(byte[] data) {
    Fixtures.Two files = Fixtures.Two.of(data);
    Path directory =
        DIRECTORIES.getOrDefault(architecture(files.first()), DIRECTORIES.get("standard"));
    if (files.second().length > 0) {
      directory = OWN_WEIGHTS;
      Fixtures.write(directory.resolve(WEIGHTS), files.second());
    }
    if (directory != null) {
      Fixtures.write(directory.resolve(CONFIG), files.first());
      if (TemporalAutoencoder.isIn(directory)) {
        TemporalAutoencoder.load(EXECUTOR, directory).close();
        return;
      }
      save(SparseAutoencoder.load(EXECUTOR, directory), FIRST);
      save(SparseAutoencoder.load(EXECUTOR, FIRST), SECOND);
      for (String file : List.of(CONFIG, WEIGHTS)) {
        Oracle.require(
            Arrays.equals(Fixtures.read(FIRST.resolve(file)), Fixtures.read(SECOND.resolve(file))),
            file + " changes when it is read and written again");
      }
    }
  }

  private static void save(SparseAutoencoder autoencoder, Path directory) {
    try {
      autoencoder.save(directory, "model");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the configurations of all fixtures, with and without weights. */
  public static List<byte[]> seeds() {
    List<byte[]> seeds =
        new ArrayList<>(
            Fixtures.bytes(
                """
                {"d_in": 12, "d_sae": 40, "activation_fn_str": "topk",
                 "activation_fn_kwargs": {"k": 4}, "apply_b_dec_to_input": false,
                 "normalize_activations": "layer_norm", "hook_name": "blocks.0.hook_mlp_out"}
                """));
    for (Path directory : Fixtures.directories(FIXTURES, CONFIG)) {
      byte[] config = Fixtures.read(directory.resolve(CONFIG));
      seeds.add(config);
      seeds.add(new Fixtures.Two(config, Fixtures.read(directory.resolve(WEIGHTS))).toBytes());
    }
    return seeds;
  }
}
