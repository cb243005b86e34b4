package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.plusOne;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.EncoderSpec;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.Unembedding;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.Gemma3nMapping;
import dev.vidrio.model.huggingface.mapping.Gemma4Mapping;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.SlidingWindow;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;

/** Gemma: GeGLU, and embeddings that are scaled by √d. Files hold gains of norms plus one. */
final class Gemma {
  private static final int GEMMA2_27B_LAYERS = 46;
  private static final int GEMMA3_27B_LAYERS = 62;

  /** Defaults of transformers for keys that configurations of Gemma 3, mainly 4B's, lack. */
  private static final Map<String, Integer> GEMMA3_DEFAULTS =
      Map.of(
          "vocab_size", 262208,
          "num_attention_heads", 8,
          "num_key_value_heads", 4,
          "head_dim", 256,
          "max_position_embeddings", 131072,
          "rope_theta", 1_000_000,
          "rope_local_base_freq", 10_000);

  private static final String BIDIRECTIONAL = "use_bidirectional_attention";

  private static final MappingSpec.KeyRule WINDOW =
      CommonKeys.size("sliding_window", "attention.sliding_window");

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // Gemma (arXiv 2403.08295).
          ArchitectureEntry.of("gemma", "Google", gemma(rope(HALVES)))
              .directory(gemmaMapping(), "GemmaForCausalLM"),
          // Gemma 2 (arXiv 2408.00118): norms before and after each sublayer, a window in each
          // second layer, soft caps on scores and logits.
          ArchitectureEntry.of("gemma2", "Google", gemma2().block(BlockOrder.SANDWICH))
              .traits(Trait.SANDWICH_NORM)
              .directory(gemma2Mapping(), "Gemma2ForCausalLM"),
          // VaultGemma (arXiv 2510.15001): Gemma 2 with norms before the sublayers alone.
          ArchitectureEntry.of("vaultgemma", "Google", gemma2())
              .directory(vaultGemmaMapping(), "VaultGemmaForCausalLM"),
          // Gemma 3 (arXiv 2503.19786): normalized queries and keys instead of the cap on scores, a
          // window in five layers of six, with a RoPE of their own.
          ArchitectureEntry.of("gemma3", "Google", gemma3())
              .traits(Trait.SANDWICH_NORM)
              .directory(gemma3Mapping(), "Gemma3ForCausalLM")
              .textOf(gemma3Mapping(), "Gemma3ForConditionalGeneration"),
          // EmbeddingGemma (arXiv 2509.20354): Gemma 3 as an encoder.
          ArchitectureEntry.of("gemma-embedding", "Google", embeddingGemma())
              .models("EmbeddingGemma")
              .traits(Trait.ENCODER, Trait.SANDWICH_NORM)
              .directory(
                  config -> config.bool(BIDIRECTIONAL, false),
                  embeddingGemmaMapping(),
                  "Gemma3TextModel"),
          ArchitectureEntry.of("gemma3n", "Google", Gemma3n::read)
              .traits(
                  Trait.SANDWICH_NORM,
                  Trait.VALUE_NORM,
                  Trait.PER_LAYER_EMBEDDING,
                  Trait.PARALLEL_STREAMS)
              .directory(Gemma3nMapping.SPEC, "Gemma3nForCausalLM")
              .textOf(Gemma3nMapping.SPEC, "Gemma3nForConditionalGeneration"),
          ArchitectureEntry.of("recurrent_gemma", "Google", RecurrentGemma.decoder())
              .traits(Trait.RG_LRU)
              .directory(RecurrentGemma.MAPPING, "RecurrentGemmaForCausalLM"),
          ArchitectureEntry.of("gemma4", "Google", Gemma4::read)
              .traits(Trait.SANDWICH_NORM, Trait.VALUE_NORM, Trait.PER_LAYER_EMBEDDING)
              .directory(Gemma4Mapping.SPEC, "Gemma4ForCausalLM")
              .textOf(Gemma4Mapping.SPEC, "Gemma4ForConditionalGeneration"));

  private Gemma() {}

  private static DecoderSpec gemma(AttentionSpec attention) {
    return DecoderSpec.of(attention)
        .embedding(Embedding.SCALED_BY_ROOT_WIDTH)
        .feedForward(FeedForwardSpec.gated(ActivationKind.GELU_TANH));
  }

  private static DecoderSpec gemma2() {
    return gemma(
            scaled(GEMMA2_27B_LAYERS)
                .change(
                    (model, a) ->
                        a.withRope(model.rope(HALVES).scaled())
                            .withSoftCap(model.params().cap("attn_logit_softcapping", 50)))
                .in(LayerRule.sliding(2), (model, a) -> a.withWindow(model.params().window(4096))))
        .unembedding(Unembedding.capped(30));
  }

  private static DecoderSpec gemma3() {
    return gemma(gemma3Attention()).block(BlockOrder.SANDWICH).unembedding(Unembedding.capped(0));
  }

  private static AttentionSpec gemma3Attention() {
    return scaled(GEMMA3_27B_LAYERS)
        .queryKeyNorm(QueryKeyNorm.PER_HEAD)
        .change((model, a) -> a.withRope(model.rope(HALVES).scaled()))
        .windowWithRope(Gemma::gemma3Sliding, HALVES);
  }

  private static EncoderSpec embeddingGemma() {
    return new EncoderSpec(
        Embedding.SCALED_BY_ROOT_WIDTH,
        gemma3Attention(),
        NormKind.RMS,
        BlockOrder.SANDWICH,
        FeedForwardSpec.gated(ActivationKind.GELU_TANH),
        "output_norm");
  }

  private static IntPredicate gemma3Sliding(Hyperparameters params) {
    IntPredicate slides = params.slidingLayers(6);
    return params.window(0) > 0 ? slides : LayerRule.NoLayers.NONE;
  }

  /**
   * Returns attention with scores scaled by 1/√(d / H) in the 27B models, which differ from the
   * others only in the number of layers.
   */
  private static AttentionSpec scaled(int layersOf27b) {
    return AttentionSpec.uniform(
        model -> {
          ModelDimensions dimensions = model.dimensions();
          boolean is27b = dimensions.layers() == layersOf27b;
          int width = is27b ? dimensions.d() / dimensions.heads() : dimensions.dH();
          return Attention.noPe(model.params().attentionScale(width));
        });
  }

  /** Returns what the mappings of all versions share; norms multiply by 1 + gain. */
  private static MappingSpec common(LayerTensors... norms) {
    return MappingSpec.of(
            LlamaNames::attention, LlamaNames::gatedFfn, plusOne("input_layernorm", "attn_norm"))
        .and(LayerTensors.all(norms))
        .activation(
            config ->
                config.requireOneOf(
                    config.firstOf("hidden_activation", "hidden_act"), "gelu_pytorch_tanh"))
        .defaults(Map.of("head_dim", 256))
        .finalNorm(LlamaNames::plusOne)
        .tied(true);
  }

  /** Returns {@link #common} of a decoder. */
  private static MappingSpec decoder(LayerTensors... norms) {
    return common(norms).off(BIDIRECTIONAL);
  }

  private static LayerTensors sandwichNorms() {
    return LayerTensors.all(
        plusOne("post_attention_layernorm", "post_attention_norm"),
        plusOne("pre_feedforward_layernorm", "ffn_norm"),
        plusOne("post_feedforward_layernorm", "post_ffw_norm"));
  }

  private static MappingSpec gemmaMapping() {
    return decoder(plusOne("post_attention_layernorm", "ffn_norm"))
        // For the first models, gelu means the tanh approximation.
        .activation(
            config -> {
              config.requireOneOf("hidden_activation", "gelu_pytorch_tanh");
              config.requireOneOf("hidden_act", "gelu_pytorch_tanh", "gelu");
            })
        .keys(softCaps(false));
  }

  private static MappingSpec gemma2Mapping() {
    return decoder(sandwichNorms())
        .check(config -> requireWindows(config, 2))
        .keys(Gemma::scoreScale, WINDOW, softCaps(true));
  }

  private static MappingSpec vaultGemmaMapping() {
    return decoder(plusOne("pre_feedforward_layernorm", "ffn_norm"))
        .keys(Gemma::scoreScale, SlidingWindow.every(2), softCaps(true));
  }

  private static MappingSpec gemma3Mapping() {
    return gemma3Common().off(BIDIRECTIONAL);
  }

  private static MappingSpec embeddingGemmaMapping() {
    return gemma3Common().root("", "model.").withoutHead().withoutAdapters();
  }

  private static MappingSpec gemma3Common() {
    return common(
            sandwichNorms(),
            plusOne("self_attn.q_norm", "attn_q_norm"),
            plusOne("self_attn.k_norm", "attn_k_norm"))
        .defaults(GEMMA3_DEFAULTS)
        .check(config -> requireWindows(config, 6))
        .keys(Gemma::scoreScale, WINDOW, softCaps(false));
  }

  private static void scoreScale(Config config, MetadataBuilder out) {
    out.real("attention.scale", 1 / Math.sqrt(config.real("query_pre_attn_scalar", 256)));
  }

  /**
   * Returns the keys of soft caps.
   *
   * @param usual whether a model has them unless its configuration has null
   */
  private static MappingSpec.KeyRule softCaps(boolean usual) {
    return (config, out) -> {
      for (String key : List.of("attn_logit_softcapping", "final_logit_softcapping")) {
        if (config.has(key)) {
          out.real(key, config.real(key));
        } else if (config.isNull(key) && usual) {
          out.real(key, 0);
        }
      }
    };
  }

  /** Rejects windows in other layers than the file format can express. */
  private static void requireWindows(Config config, int period) {
    String expected = "all layers except each " + period + "th must have a sliding window";
    config.require("sliding_window_pattern", value -> value.asInt(0) == period, expected);
    config.requirePerLayer(
        "layer_types",
        l -> (l + 1) % period == 0 ? "full_attention" : "sliding_attention",
        expected);
  }
}
