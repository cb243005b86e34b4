package dev.vidrio.model.huggingface.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.huggingface.checkpoint.Config;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Null values in configurations of Gemma, and values that GGUF cannot express. */
class GemmaMappingTest {

  private static final String CAP = "attn_logit_softcapping";

  private static Metadata keys(String architecture, String more) {
    String name = architecture.equals("gemma2") ? "Gemma2ForCausalLM" : "Gemma3ForCausalLM";
    String json =
        """
        {"architectures": ["%s"], "hidden_size": 32, "intermediate_size": 48, "max_position_embeddings": 128,
         "num_attention_heads": 4, "num_hidden_layers": 1, "sliding_window": 8%s}
        """
            .formatted(name, more);
    Config config = new Config("config.json", JsonMapper.shared().readTree(json));
    var out = new MetadataBuilder();
    Catalog.of(config).mapping().keys(config, out.scope(architecture + "."));
    return out.build("config.json");
  }

  @Test
  void gemma2HasNoCapsWhereItsConfigSaysNull() {
    Metadata metadata = keys("gemma2", ", \"attn_logit_softcapping\": null");
    assertEquals(0, metadata.floatValue("gemma2." + CAP, 0, 100));
    assertFalse(keys("gemma2", "").contains("gemma2." + CAP));
    assertFalse(keys("gemma3", ", \"attn_logit_softcapping\": null").contains("gemma3." + CAP));
  }

  @Test
  void scoresAreScaledAsByTransformersWhereTheConfigSaysNothing() {
    assertEquals(
        1 / 16f, keys("gemma2", ", \"head_dim\": 8").floatValue("gemma2.attention.scale", 0, 1));
  }

  @Test
  void attentionToWhatComesAfterIsRefused() {
    String key = "use_bidirectional_attention";
    String message =
        assertThrows(
                UnsupportedModelException.class, () -> keys("gemma3", ", \"" + key + "\": true"))
            .getMessage();
    assertTrue(message.contains(key), message);
    assertTrue(keys("gemma3", ", \"" + key + "\": false").contains("gemma3.block_count"));
  }
}
