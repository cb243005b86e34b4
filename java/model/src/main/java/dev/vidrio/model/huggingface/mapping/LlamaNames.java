package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.RowOrders;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.function.IntUnaryOperator;
import java.util.function.ToIntFunction;

/**
 * Tensors of a layer with names that most architectures share with Llama. Biases are taken if the
 * checkpoint has them.
 */
public final class LlamaNames {
  private static final int MAX_DRAFTS = 16;

  private LlamaNames() {}

  /** Takes queries, keys, values and the output projection. */
  public static void attention(Config config, TensorMap layer, int index) {
    projections("self_attn.", "o_proj").take(config, layer, index);
    layer.ignore("self_attn.rotary_emb.inv_freq"); // a table of old checkpoints
  }

  /** Takes the norms before sublayers, attention, and its norms of queries and keys. */
  public static void normalizedAttention(Config config, TensorMap layer, int index) {
    norms(config, layer, index);
    attention(config, layer, index);
    queryKeyNorms(config, layer, index);
  }

  /** Takes queries, keys, values and the output projection of a module. */
  public static LayerTensors projections(String from, String output) {
    return LayerTensors.all(
        LayerTensors.linear(from + "q_proj", "attn_q"),
        LayerTensors.linear(from + "k_proj", "attn_k"),
        LayerTensors.linear(from + "v_proj", "attn_v"),
        LayerTensors.linear(from + output, "attn_output"));
  }

  /**
   * Takes queries, keys, values and output projection, with queries and keys reordered so that RoPE
   * pairs are adjacent.
   */
  public static void interleavedAttention(Config config, TensorMap layer, int index) {
    int heads = config.size("num_attention_heads");
    int dH = CommonKeys.headWidth(config);
    interleaved(layer, "self_attn.", heads, CommonKeys.kvHeads(config), dH);
    output(config, layer, index);
  }

  /** Takes queries, keys and values of a module, with adjacent RoPE pairs. */
  static void interleaved(TensorMap layer, String from, int heads, int kvHeads, int dH) {
    IntUnaryOperator pairs = RowOrders.interleavedPairs(dH);
    layer.takeLinear(from + "q_proj", "attn_q", Layout.rows(heads * dH, pairs));
    layer.takeLinear(from + "k_proj", "attn_k", Layout.rows(kvHeads * dH, pairs));
    layer.takeLinear(from + "v_proj", "attn_v");
  }

  /**
   * Takes a fused projection that has, per key-value head, its queries, its key and its value.
   *
   * @param kvHeads reads H_kv
   */
  public static LayerTensors fusedPerHead(String from, ToIntFunction<Config> kvHeads) {
    return (config, layer, l) -> {
      int heads = config.size("num_attention_heads");
      int ofKeys = kvHeads.applyAsInt(config);
      int dH = CommonKeys.headWidth(config);
      IntUnaryOperator order = RowOrders.queriesThenKeysThenValues(heads, ofKeys, dH);
      layer.takeLinear(from, "attn_qkv", Layout.rows((heads + 2 * ofKeys) * dH, order));
    };
  }

  /** Takes the norms of queries and keys, each head's or those of all together. */
  public static void queryKeyNorms(Config config, TensorMap layer, int index) {
    layer.take("self_attn.q_norm.weight", "attn_q_norm.weight");
    layer.take("self_attn.k_norm.weight", "attn_k_norm.weight");
  }

  /** Takes the output projection, and ignores a table of old checkpoints. */
  public static void output(Config config, TensorMap layer, int index) {
    layer.takeLinear("self_attn.o_proj", "attn_output");
    layer.ignore("self_attn.rotary_emb.inv_freq");
  }

  /** Takes a gated feed-forward block. */
  public static void gatedFfn(Config config, TensorMap layer, int index) {
    layer.takeLinear("mlp.gate_proj", "ffn_gate");
    plainFfn(config, layer, index);
  }

  /** Takes a plain feed-forward block. */
  public static void plainFfn(Config config, TensorMap layer, int index) {
    layer.takeLinear("mlp.up_proj", "ffn_up");
    layer.takeLinear("mlp.down_proj", "ffn_down");
  }

  /** Takes the norms before attention and feed-forward block. */
  public static void norms(Config config, TensorMap layer, int index) {
    layer.takeLinear("input_layernorm", "attn_norm");
    layer.takeLinear("post_attention_layernorm", "ffn_norm");
  }

  /** Takes the gain of a norm that multiplies by 1 + gain. */
  public static void plusOne(Config config, TensorMap map, String from, String to) {
    map.take(from + ".weight", to + ".weight", Layout.PLUS_ONE);
  }

  /** Ignores the draft blocks (multi-token prediction) after the layers. */
  public static void ignoreDraftBlocks(Config config, TensorMap map) {
    String key = "num_nextn_predict_layers";
    int layers = config.size("num_hidden_layers");
    int drafts = config.has(key) ? config.integer(key, 0, MAX_DRAFTS) : 0;
    for (int l = layers; l < layers + drafts; l++) {
      map.ignoreAll("layers." + l + ".");
    }
  }
}
