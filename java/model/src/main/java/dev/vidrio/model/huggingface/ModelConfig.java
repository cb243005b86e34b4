package dev.vidrio.model.huggingface;

import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.Metadata;
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
    for (String name : new String[] {"num_key_value_heads", "num_kv_heads"}) {
      node.put(name, metadata.contains(kvHeads) ? size(metadata, kvHeads) : heads);
    }
    node.put("new_decoder_architecture", true); // which may have any number of these
    String width = prefix + "attention.key_length";
    if (metadata.contains(width)) {
      node.put("head_dim", size(metadata, width));
    }
    String experts = prefix + "expert_count";
    if (metadata.contains(experts)) {
      node.put("num_local_experts", size(metadata, experts));
    }
    node.put("tie_word_embeddings", model.findTensor("output.weight").isEmpty());
    return new Config(model.name(), node);
  }

  private static int size(Metadata metadata, String key) {
    return metadata.intValue(key, 1, Config.MAX_SIZE);
  }
}
