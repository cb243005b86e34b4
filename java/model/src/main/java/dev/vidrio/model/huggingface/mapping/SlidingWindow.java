package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.ArrayList;
import java.util.List;

/** The sliding window of models in which some layers have none. */
public final class SlidingWindow {
  private static final String PATTERN = "sliding_window_pattern";
  private static final String TYPES = "layer_types";

  private SlidingWindow() {}

  /**
   * Adds the window and the layers that have it.
   *
   * @param period all layers except each period-th have it, unless the configuration says otherwise
   */
  public static void put(Config config, MetadataBuilder out, int period) {
    put(config, out, layers(config, period));
  }

  /** Adds the window and the layers of a configuration that must have a type per layer. */
  public static void putTypes(Config config, MetadataBuilder out) {
    put(config, out, byType(config, config.size("num_hidden_layers")));
  }

  private static void put(Config config, MetadataBuilder out, List<Boolean> slides) {
    out.integer("attention.sliding_window", config.size("sliding_window"))
        .bools("attention." + PATTERN, slides);
  }

  /** Returns the layers with a window: as configured, or all except each period-th. */
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

  /** Returns local and global layers of a repeated pattern: {@code LLLG}. */
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
