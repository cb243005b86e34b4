package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.List;
import java.util.stream.IntStream;

/** The sliding window of models in which some layers have none. */
public final class SlidingWindow {
  private static final String PATTERN = "sliding_window_pattern";
  private static final String TYPES = "layer_types";
  private static final String SLIDING = "sliding_attention";

  private SlidingWindow() {}

  /**
   * Adds the window and the layers that have it.
   *
   * @param period all layers except each period-th have it, unless the configuration says otherwise
   */
  public static void put(Config config, MetadataBuilder out, int period) {
    put(config, out, layers(config, period));
  }

  /** Returns the rule of {@link #put}. */
  public static MappingSpec.KeyRule every(int period) {
    return (config, out) -> put(config, out, period);
  }

  /** Adds the window and the layers of a configuration that must have a type per layer. */
  public static void putTypes(Config config, MetadataBuilder out) {
    put(config, out, byType(config));
  }

  private static void put(Config config, MetadataBuilder out, List<Boolean> slides) {
    out.integer("attention.sliding_window", config.size("sliding_window"))
        .bools("attention." + PATTERN, slides);
  }

  /** Returns the layers with a window: as configured, or all except each period-th. */
  public static List<Boolean> layers(Config config, int period) {
    int layers = config.size("num_hidden_layers");
    if (config.has(TYPES)) {
      return byType(config);
    }
    if (config.isString(PATTERN)) {
      return byLetter(config, layers);
    }
    int every = config.size(PATTERN, period);
    return IntStream.range(0, layers).mapToObj(l -> (l + 1) % every != 0).toList();
  }

  private static List<Boolean> byType(Config config) {
    return config.perLayer(TYPES, SLIDING, "full_attention").stream().map(SLIDING::equals).toList();
  }

  /** Returns local and global layers of a repeated pattern: {@code LLLG}. */
  private static List<Boolean> byLetter(Config config, int layers) {
    String pattern = config.string(PATTERN, "");
    if (!pattern.matches("[LG]+")) {
      throw config.error(PATTERN, pattern, "must be a number or letters L and G");
    }
    return IntStream.range(0, layers)
        .mapToObj(l -> pattern.charAt(l % pattern.length()) == 'L')
        .toList();
  }
}
