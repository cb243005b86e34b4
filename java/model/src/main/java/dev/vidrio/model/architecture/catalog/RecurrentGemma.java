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
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import java.util.List;
import java.util.Map;

/**
 * RecurrentGemma (Botev et al. 2024, arXiv 2404.07839): Griffin (De et al. 2024, arXiv 2402.19427)
 * with Gemma's embeddings and norms. Some layers have attention over a window, the others a
 * real-gated linear recurrent unit.
 */
final class RecurrentGemma {
  private static final String TYPES = "block_types";
  private static final String ATTENTION = "attention";
  private static final String RECURRENT = "recurrent";
  private static final double ROTATED = 0.5;
  private static final int MAX_TAPS = 64;

  /**
   * Values that configurations lack: the sequence length in training, since states need no
   * positions, and defaults of transformers.
   */
  private static final Map<String, Integer> DEFAULTS =
      Map.of("max_position_embeddings", 8192, "attention_window_size", 2048, "conv1d_width", 4);

  /** The mapping. */
  static final MappingSpec MAPPING =
      MappingSpec.of(
              LayerTensors.plusOne("temporal_pre_norm", "attn_norm"),
              LayerTensors.plusOne("channel_pre_norm", "ffn_norm"),
              LlamaNames.projections("temporal_block.", "o_proj")
                  .or(RecurrentGemma::attends, RecurrentGemma::recurrence),
              LayerTensors.linear("mlp_block.gate_proj", "ffn_gate"),
              LayerTensors.linear("mlp_block.up_proj", "ffn_up"),
              LayerTensors.linear("mlp_block.down_proj", "ffn_down"))
          .modules("embed_tokens", "final_norm", "layers.")
          .finalNorm(LlamaNames::plusOne)
          .tied(true)
          .defaults(DEFAULTS)
          .activation("hidden_activation", "gelu_pytorch_tanh")
          .check(config -> Rope.of(config, ROTATED).scaling().requireOneOf("rope_type", "default"))
          .dimensions(CommonKeys.dimensions(RecurrentGemma::ffnWidth))
          .partialRope(ROTATED)
          .keys(
              RecurrentGemma::states,
              CommonKeys.size("attention_window_size", "attention.sliding_window"),
              CommonKeys.real("logits_soft_cap", "final_logit_softcapping", 30));

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
        .unembedding(Unembedding.capped(30));
  }

  /** Returns √d rounded to bf16, as the model was trained. */
  private static float rootInBf16(int d) {
    int bits = Float.floatToRawIntBits((float) Math.sqrt(d));
    return Float.intBitsToFloat((bits + 0x7fff + (bits >>> 16 & 1)) & 0xffff0000);
  }

  /** Returns the width of feed-forward blocks; configurations have that of both factors. */
  private static int ffnWidth(Config config) {
    int both = config.size("intermediate_size");
    if (both % 2 != 0) {
      throw config.error("intermediate_size", Integer.toString(both), "must be even");
    }
    return both / 2;
  }

  private static void states(Config config, MetadataBuilder out) {
    CommonKeys.kvHeads(config, out, layer -> attends(config, layer));
    out.integer("ssm.inner_size", width(config))
        .integer("ssm.group_count", config.size("num_attention_heads"))
        .integer("ssm.conv_kernel", config.integer("conv1d_width", 1, MAX_TAPS));
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

  private static void recurrence(Config config, TensorMap layer, int index) {
    TensorMap block = layer.in("temporal_block.", "");
    int width = width(config);
    block.takeLinear("linear_x", "ssm_in");
    block.takeLinear("linear_y", "attn_gate");
    block.takeLinear("linear_out", "ssm_out");
    block.take("conv_1d.weight", "ssm_conv1d.weight", Layout.kernels(width));
    block.take("conv_1d.bias", "ssm_conv1d.bias");
    for (String gate : List.of("input_gate", "recurrent_gate")) {
      String to = "ssm_" + gate;
      block.take("rg_lru." + gate + "_weight", to + ".weight", Layout.columns(0, 1));
      block.take("rg_lru." + gate + "_bias", to + ".bias");
    }
    block.take("rg_lru.recurrent_param", "ssm_a", Layout.softplusRates(width, RgLru.MAX_RATE));
  }
}
