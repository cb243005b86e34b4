package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.function.Function;

/**
 * RoPE whose frequencies have other divisors in long contexts (LongRoPE: arXiv 2402.13753), or
 * another kind.
 */
public final class LongRope {
  private static final String CONTEXT = "max_position_embeddings";

  private LongRope() {}

  /** Returns whether RoPE is LongRoPE. */
  public static boolean is(Rope rope) {
    return rope.type().equals("longrope") || rope.type().equals("su");
  }

  /** Returns the mapping of models whose magnitude follows from the contexts. */
  public static RopeMapping of(Function<Config, Rope> rope) {
    return mapping(rope, false);
  }

  /** Returns the mapping of models whose magnitude is {@code short_mscale}. */
  public static RopeMapping ofShortMagnitude(Function<Config, Rope> rope) {
    return mapping(rope, true);
  }

  private static RopeMapping mapping(Function<Config, Rope> read, boolean shortMagnitude) {
    return new RopeMapping() {
      @Override
      public void keys(Config config, MetadataBuilder out) {
        Rope rope = read.apply(config);
        int dH = CommonKeys.headWidth(config);
        if (shortMagnitude && is(rope)) {
          put(rope, config, out, dH, shortMagnitude(rope));
        } else {
          put(rope, config, out, dH);
        }
      }

      @Override
      public void tensors(Config config, TensorMap map) {
        addTensors(read.apply(config), map, CommonKeys.headWidth(config));
      }
    };
  }

  private static double shortMagnitude(Rope rope) {
    double shorter = rope.scaling().real("short_mscale");
    rope.scaling()
        .require("long_mscale", value -> value.asDouble(0) == shorter, "must be " + shorter);
    return shorter;
  }

  /** Adds the keys of a model whose magnitude follows from the contexts. */
  public static void put(Rope rope, Config config, MetadataBuilder out, int dH) {
    double original = original(rope, config);
    double scale = config.size(CONTEXT) / original;
    double usual = scale > 1 ? Math.sqrt(1 + Math.log(scale) / Math.log(original)) : 1;
    put(rope, config, out, dH, rope.scaling().real("attention_factor", usual));
  }

  /**
   * Adds the keys.
   *
   * @param magnitude factor of cosine and sine of LongRoPE
   */
  public static void put(Rope rope, Config config, MetadataBuilder out, int dH, double magnitude) {
    if (!is(rope)) {
      rope.put(out, dH);
      return;
    }
    out.integer("rope.dimension_count", rope.dimensions(dH))
        .real("rope.freq_base", rope.base())
        .string("rope.scaling.type", "longrope")
        .integer("rope.scaling.original_context_length", original(rope, config))
        .real("rope.scaling.attn_factor", magnitude);
  }

  private static int original(Rope rope, Config config) {
    String key = "original_max_position_embeddings";
    return rope.scaling().has(key)
        ? rope.scaling().size(key)
        : config.size(key, config.size(CONTEXT));
  }

  /** Adds the divisors. */
  public static void addTensors(Rope rope, TensorMap map, int dH) {
    if (is(rope)) {
      int pairs = rope.dimensions(dH) / 2;
      map.addVector("rope_factors_long.weight", factors(rope, "long_factor", pairs));
      map.addVector("rope_factors_short.weight", factors(rope, "short_factor", pairs));
    }
    rope.addTensors(map, dH);
  }

  private static float[] factors(Rope rope, String key, int pairs) {
    float[] factors = rope.scaling().reals(key);
    if (factors.length != pairs) {
      throw rope.scaling().error(key, factors.length + " factors", "must be " + pairs);
    }
    return factors;
  }
}
