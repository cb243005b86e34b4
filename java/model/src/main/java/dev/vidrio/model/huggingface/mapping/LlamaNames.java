package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layouts;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Tensors whose names most architectures share with Llama. Optional tensors are taken if the
 * checkpoint has them.
 */
public final class LlamaNames {
  private static final int MAX_DRAFTS = 16;

  private LlamaNames() {}

  /** Takes embedding, final norm and unembedding. */
  public static void outside(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takeLinear("model.norm", "output_norm");
    unembedding(map, config, "lm_head", !map.has("lm_head.weight"));
  }

  /** Takes embedding, final norm and unembedding, which are tied by default. */
  public static void outsideTied(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takeLinear("model.norm", "output_norm");
    unembedding(map, config, "lm_head", true);
  }

  /** Takes embedding and unembedding of a model whose norms have no gains. */
  public static void embeddings(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    unembedding(map, config, "lm_head", false);
  }

  /**
   * Takes the unembedding, unless it is the embedding: then a checkpoint may have a copy.
   *
   * @param tied what transformers takes where the config says nothing
   */
  public static void unembedding(TensorMap map, Config config, String head, boolean tied) {
    if (config.bool("tie_word_embeddings", tied)) {
      map.ignore(head + ".weight");
    } else {
      map.takeLinear(head, "output");
    }
  }

  /** Takes queries, keys, values and the projection behind the heads. */
  public static void attention(Config config, TensorMap map, int layer) {
    String from = from(layer) + "self_attn.";
    String to = to(layer);
    map.takeLinear(from + "q_proj", to + "attn_q");
    map.takeLinear(from + "k_proj", to + "attn_k");
    map.takeLinear(from + "v_proj", to + "attn_v");
    output(config, map, layer);
  }

  /**
   * Takes queries, keys, values and output projection, with queries and keys reordered so that RoPE
   * pairs are adjacent.
   */
  public static void interleavedAttention(Config config, TensorMap map, int layer) {
    String from = from(layer) + "self_attn.";
    String to = to(layer);
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int dH = CommonKeys.headWidth(config);
    map.takeRows(from + "q_proj", to + "attn_q", heads * dH, Layouts.interleavedPairs(dH));
    map.takeRows(from + "k_proj", to + "attn_k", kvHeads * dH, Layouts.interleavedPairs(dH));
    map.takeLinear(from + "v_proj", to + "attn_v");
    output(config, map, layer);
  }

  /** Takes the norms of queries and keys, each head's or those of all together. */
  public static void queryKeyNorms(Config config, TensorMap map, int layer) {
    map.take(from(layer) + "self_attn.q_norm.weight", to(layer) + "attn_q_norm.weight");
    map.take(from(layer) + "self_attn.k_norm.weight", to(layer) + "attn_k_norm.weight");
  }

  /** Takes the projection behind the heads, and passes over a table of old checkpoints. */
  public static void output(Config config, TensorMap map, int layer) {
    map.takeLinear(from(layer) + "self_attn.o_proj", to(layer) + "attn_output");
    map.ignore(from(layer) + "self_attn.rotary_emb.inv_freq");
  }

  /** Takes a gated feed-forward block. */
  public static void gatedFfn(Config config, TensorMap map, int layer) {
    String from = from(layer) + "mlp.";
    map.takeLinear(from + "gate_proj", to(layer) + "ffn_gate");
    map.takeLinear(from + "up_proj", to(layer) + "ffn_up");
    map.takeLinear(from + "down_proj", to(layer) + "ffn_down");
  }

  /** Takes a plain feed-forward block. */
  public static void plainFfn(Config config, TensorMap map, int layer) {
    map.takeLinear(from(layer) + "mlp.up_proj", to(layer) + "ffn_up");
    map.takeLinear(from(layer) + "mlp.down_proj", to(layer) + "ffn_down");
  }

  /** Takes the norms before attention and feed-forward block. */
  public static void norms(Config config, TensorMap map, int layer) {
    map.takeLinear(from(layer) + "input_layernorm", to(layer) + "attn_norm");
    map.takeLinear(from(layer) + "post_attention_layernorm", to(layer) + "ffn_norm");
  }

  /** Ignores the draft blocks (multi-token prediction) after the layers. */
  public static void ignoreDraftBlocks(Config config, TensorMap map) {
    String key = "num_nextn_predict_layers";
    int layers = config.size("num_hidden_layers");
    int drafts = config.has(key) ? config.integer(key, 0, MAX_DRAFTS) : 0;
    for (int l = layers; l < layers + drafts; l++) {
      map.ignoreAll(from(l));
    }
  }

  /** Returns the prefix of a layer's tensors in the checkpoint. */
  public static String from(int layer) {
    return "model.layers." + layer + ".";
  }

  /** Returns the prefix of a layer's tensors in GGUF. */
  public static String to(int layer) {
    return "blk." + layer + ".";
  }
}
