package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.UnsupportedModelException;
import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.GgufTensor;
import dev.vidrio.model.gguf.GgufValue;
import dev.vidrio.model.gguf.Metadata;

/**
 * The sizes of a Llama-like model, from the keys {@code llama.*}, checked against each other.
 *
 * @param d width of the residual stream
 * @param layers L
 * @param heads H, query heads
 * @param kvHeads H_kv, key-value heads
 * @param dH d_h, elements of a head
 * @param dRot elements of a head that turn
 * @param dFfn width of the feed-forward blocks
 * @param vocabulary V
 * @param contextLength positions that the model was made for
 * @param epsilon of the norms
 * @param attentionScale factor of the attention scores
 */
record LlamaConfig(
    int d,
    int layers,
    int heads,
    int kvHeads,
    int dH,
    int dRot,
    int dFfn,
    int vocabulary,
    int contextLength,
    float epsilon,
    float attentionScale) {

  /** Larger than in any model known, small enough that no product of two overflows. */
  private static final int MAX_WIDTH = 1 << 20;

  private static final int MAX_LAYERS = 512;
  private static final int MAX_HEADS = 4096;
  private static final int MAX_CONTEXT = 1 << 26;

  static LlamaConfig read(Gguf gguf) {
    Metadata m = gguf.metadata();
    refuseExtensions(gguf);
    int d = m.intValue("llama.embedding_length", 1, MAX_WIDTH);
    int layers = m.intValue("llama.block_count", 1, MAX_LAYERS);
    int heads = m.intValue("llama.attention.head_count", 1, MAX_HEADS);
    int kvHeads = kvHeads(gguf, heads);
    int dH = headWidth(m, d, heads);
    int dRot = m.intValue("llama.rope.dimension_count", 2, dH, dH);
    if (dRot % 2 != 0) {
      throw m.error("llama.rope.dimension_count", Integer.toString(dRot), "must be even");
    }
    if (gguf.findTensor("blk." + layers + ".attn_norm.weight").isPresent()) {
      throw m.error(
          "llama.block_count",
          Integer.toString(layers),
          "the file has a tensor of layer " + layers);
    }
    return new LlamaConfig(
        d,
        layers,
        heads,
        kvHeads,
        dH,
        dRot,
        m.intValue("llama.feed_forward_length", 1, MAX_WIDTH),
        vocabulary(gguf),
        m.intValue("llama.context_length", 1, MAX_CONTEXT),
        m.floatValue("llama.attention.layer_norm_rms_epsilon", Float.MIN_NORMAL, 1),
        m.floatValue("llama.attention.scale", 1e-6f, 1e6f, (float) (1 / Math.sqrt(dH))));
  }

  /** Keys of relatives of Llama that change the arithmetic. */
  private static void refuseExtensions(Gguf gguf) {
    Metadata m = gguf.metadata();
    if (m.intValue("llama.expert_count", 0, Integer.MAX_VALUE, 0) > 0) {
      throw unsupported(gguf, "mixture of experts (llama.expert_count)");
    }
    for (String key :
        new String[] {
          "llama.attention.sliding_window",
          "llama.attention.clamp_kqv",
          "llama.attention.max_alibi_bias",
          "llama.attn_logit_softcapping",
          "llama.final_logit_softcapping",
          "llama.logit_scale",
          "llama.residual_scale",
          "llama.embedding_scale",
          "llama.use_parallel_residual"
        }) {
      if (m.contains(key) && !isOff(m, key)) {
        throw unsupported(gguf, key);
      }
    }
  }

  private static boolean isOff(Metadata m, String key) {
    return switch (m.entries().get(key)) {
      case GgufValue.Int number -> number.value() == 0;
      case GgufValue.Real number -> number.value() == 0 || number.value() == 1;
      case GgufValue.Bool bool -> !bool.value();
      case null, default -> false;
    };
  }

  private static UnsupportedModelException unsupported(Gguf gguf, String what) {
    return new UnsupportedModelException(gguf.name(), what, "the plain llama architecture is");
  }

  private static int kvHeads(Gguf gguf, int heads) {
    String key = "llama.attention.head_count_kv";
    Metadata m = gguf.metadata();
    if (m.entries().get(key) instanceof GgufValue.Array) {
      throw unsupported(gguf, key + " that differs from layer to layer");
    }
    int kvHeads = m.intValue(key, 1, heads, heads);
    if (heads % kvHeads != 0) {
      throw m.error(
          key, Integer.toString(kvHeads), "must divide llama.attention.head_count " + heads);
    }
    return kvHeads;
  }

  private static int headWidth(Metadata m, int d, int heads) {
    String key = "llama.attention.key_length";
    if (!m.contains(key) && d % heads != 0) {
      throw m.error(
          "llama.attention.head_count",
          Integer.toString(heads),
          "must divide llama.embedding_length " + d);
    }
    int dH = m.intValue(key, 2, MAX_HEADS, d / heads);
    int valueLength = m.intValue("llama.attention.value_length", 1, MAX_HEADS, dH);
    if (valueLength != dH) {
      throw m.error(
          "llama.attention.value_length", Integer.toString(valueLength), "must equal " + dH);
    }
    return dH;
  }

  private static int vocabulary(Gguf gguf) {
    GgufTensor embedding = gguf.tensor("token_embd.weight");
    Metadata m = gguf.metadata();
    if (embedding.dim(1) > MAX_WIDTH * 4L) {
      throw m.error("token_embd.weight", embedding.shape().toString(), "has too many rows");
    }
    int rows = (int) embedding.dim(1);
    int declared = m.intValue("llama.vocab_size", 1, Integer.MAX_VALUE, rows);
    if (declared != rows) {
      throw m.error(
          "llama.vocab_size",
          Integer.toString(declared),
          "must equal the " + rows + " rows of token_embd.weight");
    }
    return rows;
  }

  KvShape kvShape() {
    return new KvShape(layers, kvHeads, dH);
  }
}
