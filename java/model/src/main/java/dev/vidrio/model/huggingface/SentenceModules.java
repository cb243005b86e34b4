package dev.vidrio.model.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.model.huggingface.checkpoint.Checkpoint;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.lang.foreign.Arena;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Reads what sentence-transformers computes after a model: the modules of {@code modules.json} for
 * pooling, dense layers and normalization, as keys and tensors of GGUF. A directory without this
 * file has none.
 *
 * <ul>
 *   <li>{@code <architecture>.pooling_type} as llama.cpp numbers it: 1 mean, 2 first token, 3 last
 *       token; {@value #POOLING} is {@code max} for the maximum, which llama.cpp does not have,
 *   <li>{@code dense_N.weight} and {@code dense_N.bias} of module N, and its activation as string
 *       {@code vidrio.embedding.dense_N},
 *   <li>{@value #NORMALIZE} if vectors are divided by their length,
 *   <li>{@value #PROMPT_NAMES} and {@value #PROMPTS}, texts that precede those to embed.
 * </ul>
 */
public final class SentenceModules {
  /** Key of a pooling that llama.cpp has no number of. */
  public static final String POOLING = "vidrio.embedding.pooling";

  /** Key of the normalization. */
  public static final String NORMALIZE = "vidrio.embedding.normalize";

  /** Key of the names of prompts. */
  public static final String PROMPT_NAMES = "vidrio.embedding.prompt_names";

  /** Key of the texts of prompts, in the order of their names. */
  public static final String PROMPTS = "vidrio.embedding.prompts";

  /** Prefix of the keys of activations of dense layers, before {@code dense_N}. */
  public static final String ACTIVATION = "vidrio.embedding.";

  private static final String MODULES = "modules.json";
  private static final String CONFIG = "config.json";
  private static final String PROMPT_CONFIG = "config_sentence_transformers.json";
  private static final long MAX_BYTES = 1L << 20;

  private static final Map<String, Integer> POOLING_TYPES =
      Map.of("mean", 1, "cls", 2, "lasttoken", 3);

  private static final Map<String, String> MODES =
      Map.of(
          "pooling_mode_mean_tokens", "mean",
          "pooling_mode_cls_token", "cls",
          "pooling_mode_lasttoken", "lasttoken",
          "pooling_mode_max_tokens", "max",
          "pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len",
          "pooling_mode_weightedmean_tokens", "weightedmean");

  private SentenceModules() {}

  /**
   * Adds the keys and returns the tensors.
   *
   * @param arena closes the mapped files
   * @throws UnsupportedModelException if a module or its settings are not supported
   */
  static List<TensorSource> put(
      Path directory, String architecture, Arena arena, MetadataBuilder out) {
    Path file = directory.resolve(MODULES);
    List<TensorSource> tensors = new ArrayList<>();
    if (!FileStatus.exists(file)) {
      return tensors;
    }
    for (JsonNode module : JsonFile.readArray(file, MAX_BYTES)) {
      String type = module.path("type").asString("");
      int number = module.path("idx").asInt(0);
      Path own = inside(directory, file, module.path("path").asString(""));
      switch (type.substring(type.lastIndexOf('.') + 1)) {
        case "Transformer" -> {}
        case "Pooling" -> pooling(own, architecture, out);
        case "Dense" -> tensors.addAll(dense(own, "dense_" + number, arena, out));
        case "Normalize" -> out.bool(NORMALIZE, true);
        default ->
            throw new UnsupportedModelException(
                file.toString(),
                "module " + type,
                "supported: Transformer, Pooling, Dense, Normalize");
      }
    }
    prompts(directory, out);
    return tensors;
  }

  /** Adds the prompts, if the directory has some. */
  private static void prompts(Path directory, MetadataBuilder out) {
    if (!FileStatus.exists(directory.resolve(PROMPT_CONFIG))) {
      return;
    }
    Config prompts = config(directory, PROMPT_CONFIG).object("prompts");
    List<String> names = List.copyOf(prompts.keys());
    if (!names.isEmpty()) {
      out.strings(PROMPT_NAMES, names)
          .strings(PROMPTS, names.stream().map(name -> prompts.string(name, "")).toList());
    }
  }

  /** Returns the directory of a module, which must be in that of the model. */
  private static Path inside(Path directory, Path file, String path) {
    Path root = directory.toAbsolutePath().normalize();
    try {
      Path own = root.resolve(path).normalize();
      if (own.startsWith(root)) {
        return own;
      }
    } catch (InvalidPathException e) {
      throw new ModelFileException(file.toString(), "path", path, "is not a path", e);
    }
    throw new ModelFileException(file.toString(), "path", path, "must be in the directory");
  }

  private static Config config(Path directory, String name) {
    Path file = directory.resolve(name);
    return new Config(file.toString(), JsonFile.readObject(file, MAX_BYTES));
  }

  private static void pooling(Path directory, String architecture, MetadataBuilder out) {
    Config config = config(directory, CONFIG);
    List<String> modes = new ArrayList<>();
    if (config.isString("pooling_mode")) {
      modes.add(config.string("pooling_mode", ""));
    } else {
      MODES.forEach(
          (key, mode) -> {
            if (config.bool(key, false)) {
              modes.add(mode);
            }
          });
    }
    String mode = modes.size() == 1 ? modes.getFirst() : modes.toString();
    if (mode.equals("max")) {
      out.string(POOLING, "max");
    } else if (POOLING_TYPES.containsKey(mode)) {
      out.integer(architecture + ".pooling_type", POOLING_TYPES.get(mode));
    } else {
      throw config.unsupported("pooling_mode", mode, "supported: mean, cls, lasttoken, max");
    }
  }

  private static List<TensorSource> dense(
      Path directory, String name, Arena arena, MetadataBuilder out) {
    Config config = config(directory, CONFIG);
    String function = config.string("activation_function", "torch.nn.modules.linear.Identity");
    String activation = function.substring(function.lastIndexOf('.') + 1);
    if (!List.of("Identity", "Tanh").contains(activation)) {
      throw config.unsupported("activation_function", function, "supported: Identity, Tanh");
    }
    out.string(ACTIVATION + name, activation);
    var map = new CheckpointMap(directory.toString(), Checkpoint.open(directory, arena));
    map.takeLinear("linear", name);
    return map.finish();
  }
}
