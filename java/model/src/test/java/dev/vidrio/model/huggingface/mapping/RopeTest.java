package dev.vidrio.model.huggingface.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.huggingface.checkpoint.Config;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** The RoPE settings of configurations as GGUF keys. */
class RopeTest {

  private static Config config(Map<String, Object> values) {
    return new Config("config.json", JsonMapper.shared().valueToTree(values));
  }

  private static Metadata yarn(Map<String, Object> more) {
    Map<String, Object> scaling = new HashMap<>(Map.of("rope_type", "yarn", "factor", 4));
    scaling.putAll(more);
    var out = new MetadataBuilder();
    Rope.of(config(Map.of("max_position_embeddings", 128, "rope_scaling", scaling)))
        .put(out.scope("llama."), 8);
    return out.build("config.json");
  }

  private static double attentionFactor(Map<String, Object> more) {
    return yarn(more).floatValue("llama.rope.scaling.attn_factor", 0, 9) * (1 + 0.1 * Math.log(4));
  }

  /** Readers of GGUF files multiply by 1 + 0.1 ln(factor) themselves. */
  @Test
  void attentionFactorsReplaceTheUsual() {
    assertFalse(yarn(Map.of()).contains("llama.rope.scaling.attn_factor"));
    assertEquals(1.7, attentionFactor(Map.of("attention_factor", 1.7)), 1e-6);
    assertEquals(1, attentionFactor(Map.of("mscale", 0.5, "mscale_all_dim", 0.5)), 1e-6);
    double ratio = (1 + 0.07 * Math.log(4)) / (1 + 0.03 * Math.log(4));
    assertEquals(ratio, attentionFactor(Map.of("mscale", 0.7, "mscale_all_dim", 0.3)), 1e-6);
    assertFalse(yarn(Map.of("mscale", 0.7)).contains("llama.rope.scaling.attn_factor"));
  }

  @Test
  void originalContextsAreThoseOfTheModelWhereScalingsSayNothing() {
    String key = "llama.rope.scaling.original_context_length";
    assertEquals(128, yarn(Map.of()).intValue(key, 1, 1000));
    assertEquals(32, yarn(Map.of("original_max_position_embeddings", 32)).intValue(key, 1, 1000));
  }

  @Test
  void rampsThatAreNotRoundedAreRefused() {
    String message =
        assertThrows(UnsupportedModelException.class, () -> yarn(Map.of("truncate", false)))
            .getMessage();
    assertTrue(message.contains("key 'rope_scaling.truncate' false"), message);
  }

  /** Newer files say so in {@code rope_parameters}, where the whole head may turn. */
  @Test
  void shareOfGptNeoxIsAQuarterUnlessItIsSaid() {
    assertEquals(16, dimensions(Map.of()));
    assertEquals(32, dimensions(Map.of("rotary_pct", 0.5)));
    assertEquals(64, dimensions(Map.of("rope_parameters", Map.of("partial_rotary_factor", 1))));
  }

  @Test
  void sharesThatLeaveNoPairsAreRefused() {
    for (double share : new double[] {-1, 0.27, 2}) {
      String message =
          assertThrows(
                  ModelFileException.class,
                  () -> dimensions(Map.of("partial_rotary_factor", share)))
              .getMessage();
      assertTrue(message.contains("must leave an even number of a head's 64 elements"), message);
    }
  }

  private static int dimensions(Map<String, Object> more) {
    Map<String, Object> values =
        new HashMap<>(
            Map.of(
                "architectures", List.of("GPTNeoXForCausalLM"),
                "hidden_size", 128,
                "intermediate_size", 16,
                "max_position_embeddings", 128,
                "num_attention_heads", 2,
                "num_hidden_layers", 1));
    values.putAll(more);
    var out = new MetadataBuilder();
    Config config = config(values);
    Catalog.of(config).mapping().keys(config, out.scope("gptneox."));
    return out.build("config.json").intValue("gptneox.rope.dimension_count", 1, 64);
  }
}
