package dev.vidrio.model.huggingface;

import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.List;
import java.util.regex.Pattern;

/** The {@code adapter_config.json} of PEFT: rank and scale of each module's factors. */
final class AdapterConfig {
  /** Names, which PEFT takes as regular expressions that match themselves. */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.]+");

  private static final String ALTERNATIVE = "supported: factors of projections alone";

  /** Keys that must be empty. */
  private static final List<String> OTHERS =
      List.of(
          "alora_invocation_tokens",
          "arrow_config",
          "kasa_config",
          "layer_replication",
          "modules_to_save",
          "monteclora_config",
          "target_parameters",
          "trainable_token_indices",
          "velora_config");

  private static final List<String> BEGINNINGS = List.of("gaussian", "eva", "orthogonal");

  private final Config config;
  private final int rank;
  private final double alpha;
  private final boolean rankStabilized;

  /**
   * Reads it.
   *
   * @throws dev.vidrio.error.UnsupportedModelException if it asks for more than factors
   */
  AdapterConfig(Config config) {
    this.config = config;
    config.requireOneOf("peft_type", "LORA");
    for (String key : List.of("use_dora", "use_qalora", "use_bdlora", "lora_bias")) {
      config.requireOff(key);
    }
    config.requireOneOf("bias", "none");
    for (String key : OTHERS) {
      config.require(key, value -> value.isContainer() && value.isEmpty(), ALTERNATIVE);
    }
    // Other ways to begin change the weights of the model too.
    config.require(
        "init_lora_weights",
        value -> value.isBoolean() || BEGINNINGS.contains(value.asString("")),
        "convert it to a plain adapter, as PEFT's save_pretrained does");
    this.rank = config.size("r");
    this.alpha = positive(config, "lora_alpha");
    this.rankStabilized = config.bool("use_rslora", false);
  }

  private static double positive(Config config, String key) {
    double value = config.real(key);
    if (!(value > 0)) {
      throw config.error(key, Double.toString(value), "must be positive");
    }
    return value;
  }

  /** Returns the rank of a module's factors. */
  int rank(String module) {
    Config patterns = config.object("rank_pattern");
    String key = match(patterns, module);
    return key.isEmpty() ? rank : patterns.size(key);
  }

  /** Returns alpha of a module; its factors are multiplied by alpha / rank. */
  double alpha(String module, int rankOfModule) {
    Config patterns = config.object("alpha_pattern");
    String key = match(patterns, module);
    double own = key.isEmpty() ? alpha : positive(patterns, key);
    return rankStabilized ? own * Math.sqrt(rankOfModule) : own;
  }

  /** Returns the first key that is the name of a module or its suffix, or an empty string. */
  private static String match(Config patterns, String module) {
    for (String key : patterns.keys()) {
      if (!NAME.matcher(key).matches()) {
        throw patterns.unsupported(key, "", "patterns must be names of modules");
      }
      if (module.equals(key) || module.endsWith("." + key)) {
        return key;
      }
    }
    return "";
  }
}
