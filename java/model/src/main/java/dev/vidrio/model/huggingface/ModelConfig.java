package dev.vidrio.model.huggingface;

import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.GgufValue;
import dev.vidrio.model.gguf.Metadata;
import dev.vidrio.model.huggingface.checkpoint.Config;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** What a {@code config.json} says of the tensors of a model whose GGUF file is there. */
final class ModelConfig {
  private ModelConfig() {}

  /** The sizes, under all names that mappings read. */
  static Config of(Gguf model) {
    Metadata metadata = model.metadata();
    String prefix = metadata.string("general.architecture") + ".";
    int heads = size(metadata, prefix + "attention.head_count");
    int d = size(metadata, prefix + "embedding_length");
    ObjectNode node = JsonMapper.shared().createObjectNode();
    for (String name : new String[] {"num_hidden_layers", "n_layer", "n_layers"}) {
      node.put(name, size(metadata, prefix + "block_count"));
    }
    for (String name : new String[] {"num_attention_heads", "n_head", "n_heads"}) {
      node.put(name, heads);
    }
    for (String name : new String[] {"hidden_size", "n_embed", "n_embd", "d_model"}) {
      node.put(name, d);
    }
    String kvHeads = prefix + "attention.head_count_kv";
    if (!(metadata.entries().get(kvHeads) instanceof GgufValue.Array)) {
      for (String name : new String[] {"num_key_value_heads", "num_kv_heads"}) {
        node.put(name, metadata.contains(kvHeads) ? size(metadata, kvHeads) : heads);
      }
    }
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
    String experts = prefix + "expert_count";
    if (metadata.contains(experts)) {
      node.put("num_local_experts", size(metadata, experts));
      node.putObject("ffn_config").put("moe_num_experts", size(metadata, experts));
    }
    for (String name : new String[] {"first_k_dense_replace", "moe_layer_start_index"}) {
      node.put(name, number(metadata, prefix + "leading_dense_block_count"));
    }
    for (String name : new String[] {"n_shared_experts", "moe_num_shared_experts"}) {
      node.put(name, number(metadata, prefix + "expert_shared_count"));
    }
    node.put(
        "shared_intermediate_size", number(metadata, prefix + "expert_shared_feed_forward_length"));
    String period = prefix + "interleave_moe_layer_step";
    node.put("moe_layer_interval", Math.max(1, number(metadata, period)));
    node.put("tie_word_embeddings", model.findTensor("output.weight").isEmpty());
    return new Config(model.name(), node);
  }

  /** A number that is 0 where the file does not have it. */
  private static int number(Metadata metadata, String key) {
    return metadata.intValue(key, 0, Config.MAX_SIZE, 0);
  }

  private static int size(Metadata metadata, String key) {
    return metadata.intValue(key, 1, Config.MAX_SIZE);
  }
}
