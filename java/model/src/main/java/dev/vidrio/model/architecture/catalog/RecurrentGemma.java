package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.Unembedding;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.RgLru;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * RecurrentGemma (Botev et al. 2024, arXiv 2404.07839): Griffin (De et al. 2024, arXiv 2402.19427)
 * with Gemma's embeddings and norms. Some layers have attention over a window, the others a
 * real-gated linear recurrent unit.
 */
final class RecurrentGemma {
  private static final String TYPES = "block_types";
  private static final String ATTENTION = "attention";
  private static final String RECURRENT = "recurrent";
  private static final int MAX_TAPS = 64;

  /** The sequence length in training; configurations have none, since states need no positions. */
  private static final Map<String, Integer> DEFAULTS = Map.of("max_position_embeddings", 8192);

  private RecurrentGemma() {}

  static DecoderSpec decoder() {
    return DecoderSpec.of(
            rope(HALVES)
                .change((model, a) -> a.withWindow(model.params().requiredWindow()))
                .orElse(
                    model -> {
                      RgLru unit = RgLru.read(model.params());
                      return layer -> unit.of(model, layer);
                    }))
        .dimensions((params, drafts) -> ModelDimensions.hybrid(params, RgLru.read(params).state()))
        .embedding(Embedding.scaled(model -> rootInBf16(model.dimensions().d())))
        .feedForward(FeedForwardSpec.gated(ActivationKind.GELU_TANH))
        .block(Hybrid.PRE_NORM_RECURRENT)
        .unembedding(Unembedding.capped(30));
  }

  /** Returns √d rounded to bf16, as the model was trained. */
  private static float rootInBf16(int d) {
    int bits = Float.floatToRawIntBits((float) Math.sqrt(d));
    return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
  }

  static MappingSpec mapping() {
    LayerTensors attention =
        LayerTensors.all(
            LayerTensors.linear("temporal_block.q_proj", "attn_q"),
            LayerTensors.linear("temporal_block.k_proj", "attn_k"),
            LayerTensors.linear("temporal_block.v_proj", "attn_v"),
            LayerTensors.linear("temporal_block.o_proj", "attn_output"));
    return MappingSpec.of(
            LayerTensors.plusOne("temporal_pre_norm.weight", "attn_norm.weight"),
            LayerTensors.plusOne("channel_pre_norm.weight", "ffn_norm.weight"),
            attention.or(RecurrentGemma::attends, RecurrentGemma::recurrence),
            LayerTensors.linear("mlp_block.gate_proj", "ffn_gate"),
            LayerTensors.linear("mlp_block.up_proj", "ffn_up"),
            LayerTensors.linear("mlp_block.down_proj", "ffn_down"))
        .defaults(DEFAULTS)
        .activation("hidden_activation", "gelu_pytorch_tanh")
        .dimensions(RecurrentGemma::dimensions)
        .partialRope(0.5)
        .check(config -> Rope.of(config, 0.5).scaling().requireOneOf("rope_type", "default"))
        .keys(
            (config, out) ->
                out.integer("attention.sliding_window", config.size("attention_window_size", 2048))
                    .real("final_logit_softcapping", config.real("logits_soft_cap", 30)))
        .outside(
            (config, map) -> {
              map.take("model.embed_tokens.weight", "token_embd.weight");
              map.takePlusOne("model.final_norm.weight", "output_norm.weight");
              LlamaNames.unembedding(map, config, "lm_head", true);
            });
  }

  private static void dimensions(Config config, MetadataBuilder out) {
    int heads = config.size("num_attention_heads");
    int kvHeads = config.size("num_key_value_heads", heads);
    int ffn = config.size("intermediate_size");
    if (ffn % 2 != 0) {
      throw config.error("intermediate_size", Integer.toString(ffn), "must be even");
    }
    int[] kvHeadsPerLayer =
        IntStream.range(0, CommonKeys.layers(config))
            .map(layer -> attends(config, layer) ? kvHeads : 0)
            .toArray();
    int dH = CommonKeys.headWidth(config);
    out.integer("context_length", config.size("max_position_embeddings"))
        .integer("embedding_length", config.size("hidden_size"))
        .integer("block_count", kvHeadsPerLayer.length)
        .integer("feed_forward_length", ffn / 2) // of the gate and the other factor together
        .integer("attention.head_count", heads)
        .integers("attention.head_count_kv", kvHeadsPerLayer)
        .integer("attention.key_length", dH)
        .integer("attention.value_length", dH)
        .integer("ssm.inner_size", width(config))
        .integer("ssm.group_count", heads)
        .integer("ssm.conv_kernel", config.has("conv1d_width") ? taps(config) : 4)
        .integer("vocab_size", config.size("vocab_size"));
  }

  private static int taps(Config config) {
    return config.integer("conv1d_width", 1, MAX_TAPS);
  }

  /** Returns the width of states, which the gates divide into one block per head. */
  private static int width(Config config) {
    int width = config.size("lru_width", config.size("hidden_size"));
    int heads = config.size("num_attention_heads");
    if (width % heads != 0) {
      throw config.error(
          "lru_width",
          Integer.toString(width),
          "must be a multiple of num_attention_heads " + heads);
    }
    return width;
  }

  /** Returns whether a layer has attention; the types of blocks repeat. */
  private static boolean attends(Config config, int layer) {
    List<String> types =
        config.has(TYPES) ? config.strings(TYPES) : List.of(RECURRENT, RECURRENT, ATTENTION);
    if (types.isEmpty()) {
      throw config.error(TYPES, types.toString(), "must not be empty");
    }
    String type = types.get(layer % types.size());
    if (!type.equals(RECURRENT) && !type.equals(ATTENTION)) {
      throw config.unsupported(TYPES, type, "supported: " + RECURRENT + ", " + ATTENTION);
    }
    return type.equals(ATTENTION);
  }

  private static void recurrence(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "temporal_block.";
    String to = LlamaNames.to(layer);
    int width = width(config);
    map.takeLinear(from + "linear_x", to + "ssm_in");
    map.takeLinear(from + "linear_y", to + "attn_gate");
    map.takeLinear(from + "linear_out", to + "ssm_out");
    String kernels = to + "ssm_conv1d.weight";
    map.takeKernels(from + "conv_1d.weight", kernels, width, IntUnaryOperator.identity());
    map.take(from + "conv_1d.bias", to + "ssm_conv1d.bias");
    for (String gate : List.of("input_gate", "recurrent_gate")) {
      map.takeColumns(from + "rg_lru." + gate + "_weight", to + "ssm_" + gate + ".weight", 0, 1);
      map.take(from + "rg_lru." + gate + "_bias", to + "ssm_" + gate + ".bias");
    }
    map.takeSoftplusRates(from + "rg_lru.recurrent_param", to + "ssm_a", width, RgLru.MAX_RATE);
  }
}
