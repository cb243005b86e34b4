package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * A rotation whose frequencies are divided, by other factors in long texts (LongRoPE: arXiv
 * 2402.13753), or one of the other kinds.
 */
final class LongRope {
  private static final String CONTEXT = "max_position_embeddings";

  private LongRope() {}

  /** Whether it is a LongRoPE. */
  static boolean is(Rope rope) {
    return rope.type().equals("longrope") || rope.type().equals("su");
  }

  /** Puts the keys of a model whose magnitude follows from the contexts. */
  static void put(Rope rope, Config config, MetadataBuilder out, String architecture, int dH) {
    double original = original(rope, config);
    double scale = config.size(CONTEXT) / original;
    double usual = scale > 1 ? Math.sqrt(1 + Math.log(scale) / Math.log(original)) : 1;
    put(rope, config, out, architecture, dH, rope.scaling().real("attention_factor", usual));
  }

  /**
   * Puts the keys.
   *
   * @param magnitude what cosine and sine are multiplied by where it is a LongRoPE
   */
  static void put(
      Rope rope,
      Config config,
      MetadataBuilder out,
      String architecture,
      int dH,
      double magnitude) {
    if (!is(rope)) {
      rope.put(out, architecture, dH);
      return;
    }
    String prefix = architecture + ".rope.";
    out.integer(prefix + "dimension_count", rope.dimensions(dH))
        .real(prefix + "freq_base", rope.base())
        .string(prefix + "scaling.type", "longrope")
        .integer(prefix + "scaling.original_context_length", original(rope, config))
        .real(prefix + "scaling.attn_factor", magnitude);
  }

  private static int original(Rope rope, Config config) {
    String key = "original_max_position_embeddings";
    return rope.scaling().has(key)
        ? rope.scaling().size(key)
        : config.size(key, config.size(CONTEXT));
  }

  /** Adds the divisors. */
  static void addTensors(Rope rope, TensorMap map, int dH) {
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
