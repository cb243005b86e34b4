package dev.vidrio.model.huggingface;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.model.huggingface.checkpoint.Config;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Derives the configuration of a model from its GGUF file, as far as mappings of tensors read it.
 */
final class ModelConfig {
  private ModelConfig() {}

  /** Returns the dimensions under the usual names, and those that single mappings read. */
  static Config of(Gguf model) {
    Metadata metadata = model.metadata();
    String prefix = metadata.string("general.architecture") + ".";
    ObjectNode node = JsonMapper.shared().createObjectNode();
    int drafts = number(metadata, prefix + "nextn_predict_layers");
    node.put("num_hidden_layers", size(metadata, prefix + "block_count") - drafts)
        .put("hidden_size", size(metadata, prefix + "embedding_length"));
    String heads = prefix + "attention.head_count";
    putHeads(node, metadata, heads, "num_attention_heads");
    String kvHeads = metadata.contains(heads + "_kv") ? heads + "_kv" : heads;
    putHeads(node, metadata, kvHeads, "num_key_value_heads", "num_kv_heads");
    node.put("new_decoder_architecture", true); // which may have any number of these
    String width = prefix + "attention.key_length";
    if (metadata.contains(width)) {
      node.put("head_dim", size(metadata, width));
    }
    if (metadata.contains(prefix + "attention.kv_lora_rank")) {
      int dH = size(metadata, prefix + "attention.key_length_mla");
      int turning = size(metadata, prefix + "rope.dimension_count");
      node.put("qk_nope_head_dim", dH - turning).put("qk_rope_head_dim", turning);
      if (metadata.contains(prefix + "attention.q_lora_rank")) {
        node.put("q_lora_rank", size(metadata, prefix + "attention.q_lora_rank"));
      }
    }
    if (metadata.contains(prefix + "ssm.group_count")) {
      putDeltaRule(node, metadata, prefix);
    }
    String experts = prefix + "expert_count";
    if (metadata.contains(experts)) {
      node.put("num_local_experts", size(metadata, experts));
      node.putObject("ffn_config").put("moe_num_experts", size(metadata, experts));
    }
    int dense = number(metadata, prefix + "leading_dense_block_count");
    int shared = number(metadata, prefix + "expert_shared_count");
    node.put("first_k_dense_replace", dense)
        .put("moe_layer_start_index", dense)
        .put("n_shared_experts", shared)
        .put("moe_num_shared_experts", shared);
    node.put(
        "shared_intermediate_size", number(metadata, prefix + "expert_shared_feed_forward_length"));
    String period = prefix + "interleave_moe_layer_step";
    node.put("moe_layer_interval", Math.max(1, number(metadata, period)));
    node.put("tie_word_embeddings", model.findTensor("output.weight").isEmpty());
    return new Config(model.name(), node);
  }

  /** Adds a number of heads, unless layers differ in it: mappings of such models do not read it. */
  private static void putHeads(ObjectNode node, Metadata metadata, String key, String... names) {
    if (!(metadata.entries().get(key) instanceof GgufValue.Array)) {
      for (String name : names) {
        node.put(name, size(metadata, key));
      }
    }
  }

  /** Adds the heads of linear attention, and the layers that have it. */
  private static void putDeltaRule(ObjectNode node, Metadata metadata, String prefix) {
    int heads = size(metadata, prefix + "ssm.time_step_rank");
    node.put("linear_num_key_heads", size(metadata, prefix + "ssm.group_count"))
        .put("linear_num_value_heads", heads)
        .put("linear_key_head_dim", size(metadata, prefix + "ssm.state_size"))
        .put("linear_value_head_dim", size(metadata, prefix + "ssm.inner_size") / heads);
    String interval = prefix + "full_attention_interval";
    node.put("full_attention_interval", metadata.intValue(interval, 1, Config.MAX_SIZE, 4));
    if (metadata.entries().get(prefix + "attention.recurrent_layers")
        instanceof GgufValue.Array recurrent) {
      ArrayNode types = node.putArray("layer_types");
      for (GgufValue value : recurrent) {
        boolean recurs = value instanceof GgufValue.Bool bool && bool.value();
        types.add(recurs ? "linear_attention" : "full_attention");
      }
      while (types.size() > node.get("num_hidden_layers").intValue()) {
        types.remove(types.size() - 1); // of blocks that draft tokens
      }
    }
  }

  /** Returns a number, 0 if the file does not have it. */
  private static int number(Metadata metadata, String key) {
    return metadata.intValue(key, 0, Config.MAX_SIZE, 0);
  }

  private static int size(Metadata metadata, String key) {
    return metadata.intValue(key, 1, Config.MAX_SIZE);
  }
}
