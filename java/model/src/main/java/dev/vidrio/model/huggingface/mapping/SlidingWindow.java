package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.ArrayList;
import java.util.List;

/** The sliding window of a config whose layers do not all have it. */
public final class SlidingWindow {
  private static final String PATTERN = "sliding_window_pattern";
  private static final String TYPES = "layer_types";

  private SlidingWindow() {}

  /**
   * Puts the window, and for each layer whether it has it.
   *
   * @param period the window is in all layers but each so manyth where the config does not say so
   */
  public static void put(Config config, MetadataBuilder out, int period) {
    put(config, out, layers(config, period));
  }

  /** Puts the same of a config that must say a type for each layer. */
  public static void putTypes(Config config, MetadataBuilder out) {
    put(config, out, byType(config, config.size("num_hidden_layers")));
  }

  private static void put(Config config, MetadataBuilder out, List<Boolean> slides) {
    out.integer("attention.sliding_window", config.size("sliding_window"))
        .bools("attention." + PATTERN, slides);
  }

  /** In which layers the window slides: as the config says, or in all but every period-th. */
  public static List<Boolean> layers(Config config, int period) {
    int layers = config.size("num_hidden_layers");
    if (config.has(TYPES)) {
      return byType(config, layers);
    }
    if (config.isString(PATTERN)) {
      return byLetter(config, layers);
    }
    int every = config.size(PATTERN, period);
    List<Boolean> slides = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      slides.add((l + 1) % every != 0);
    }
    return slides;
  }

  private static List<Boolean> byType(Config config, int layers) {
    List<Boolean> slides = new ArrayList<>();
    for (String type : config.strings(TYPES)) {
      switch (type) {
        case "sliding_attention" -> slides.add(true);
        case "full_attention" -> slides.add(false);
        default ->
            throw config.unsupported(TYPES, type, "supported: sliding_attention, full_attention");
      }
    }
    if (slides.size() != layers) {
      throw config.error(TYPES, slides.size() + " types", "must be " + layers);
    }
    return slides;
  }

  /** Local and global layers, in a pattern that repeats: {@code LLLG}. */
  private static List<Boolean> byLetter(Config config, int layers) {
    String pattern = config.string(PATTERN, "");
    if (!pattern.matches("[LG]+")) {
      throw config.error(PATTERN, pattern, "must be a number or letters L and G");
    }
    List<Boolean> slides = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      slides.add(pattern.charAt(l % pattern.length()) == 'L');
    }
    return slides;
  }
}
