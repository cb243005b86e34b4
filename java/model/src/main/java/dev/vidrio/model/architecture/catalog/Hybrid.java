package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixerSpec;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.GatedDeltaNet;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.ShortConv;
import dev.vidrio.model.huggingface.mapping.FalconH1Mapping;
import dev.vidrio.model.huggingface.mapping.LfmMapping;
import dev.vidrio.model.huggingface.mapping.NemotronHMapping;
import dev.vidrio.model.huggingface.mapping.OlmoHybridMapping;
import java.util.List;

/** Attention in some layers, convolutions or recurrences in the others. */
final class Hybrid {
  /** Epsilon of OLMo Hybrid's norm after the states, whatever the others have. */
  private static final float OLMO_STATE_NORM_EPSILON = 1e-5f;

  /** Mamba 2. */
  static final MixerSpec MAMBA_2 =
      model -> {
        Mamba2 net = Mamba2.read(model.params());
        return layer -> net.of(model, layer);
      };

  private static final MixerSpec SHORT_CONV =
      model -> {
        int length = taps(model.params());
        return layer -> ShortConv.of(model, layer, length);
      };

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // LFM2 (arXiv 2511.23404): gated short convolutions in the layers without key-value
          // heads. The large models have dense layers, then experts.
          ArchitectureEntry.of("lfm2", "Liquid AI", lfm2())
              .traits(Trait.SHORT_CONVOLUTION)
              .directory(LfmMapping.LFM2, "Lfm2ForCausalLM"),
          ArchitectureEntry.of(
                  "lfm2moe",
                  "Liquid AI",
                  lfm2().feedForward(MixtureSpec.of(SIGMOID, CHOSEN).scaled().inListedLayers()))
              .models("8B-A1B")
              .traits(Trait.SHORT_CONVOLUTION)
              .directory(LfmMapping.LFM2_MOE, "Lfm2MoeForCausalLM"),
          // LFM3: norms after the sublayers, gates per head, a window and a RoPE of their own in
          // some layers.
          ArchitectureEntry.of("lfm3", "Liquid AI", lfm3())
              .traits(Trait.SHORT_CONVOLUTION, Trait.ATTENTION_GATE, Trait.SANDWICH_NORM)
              .directory(LfmMapping.LFM3, "Lfm3ForCausalLM"),
          // OLMo Hybrid: OLMo 2's blocks in layers with key-value heads, possibly without RoPE;
          // pre-norm blocks of Gated DeltaNet elsewhere, with corrections that may overshoot (arXiv
          // 2411.12537).
          ArchitectureEntry.of("olmo_hybrid", "Ai2", olmoHybrid())
              .traits(Trait.GATED_DELTA_RULE)
              .directory(OlmoHybridMapping.SPEC, "OlmoHybridForCausalLM"),
          ArchitectureEntry.of("falcon-h1", "others", FalconH1.spec())
              .traits(Trait.MAMBA_2)
              .directory(FalconH1Mapping.SPEC, "FalconH1ForCausalLM"),
          ArchitectureEntry.of("nemotron_h", "NVIDIA", NemotronH::readDense)
              .models("Nemotron-H, Nano 2")
              .traits(Trait.MAMBA_2, Trait.ONE_SUBLAYER)
              .directory(
                  config -> !NemotronHMapping.isMixture(config),
                  NemotronHMapping.DENSE,
                  "NemotronHForCausalLM"),
          ArchitectureEntry.of("nemotron_h_moe", "NVIDIA", NemotronH::readMixture)
              .models("Nemotron 3 Nano")
              .traits(Trait.MAMBA_2, Trait.ONE_SUBLAYER)
              .directory(
                  NemotronHMapping::isMixture, NemotronHMapping.MIXTURE, "NemotronHForCausalLM"));

  private Hybrid() {}

  private static ModelDimensions convolutional(Hyperparameters params, int drafts) {
    int d = params.intValue("embedding_length", 1, ModelDimensions.MAX_WIDTH);
    return ModelDimensions.hybrid(params, new KvShape.Ring(d, taps(params)));
  }

  /** Returns the number of tokens that a convolution covers. */
  private static int taps(Hyperparameters params) {
    return params.intValue("shortconv.l_cache", 1, KvCache.BLOCK);
  }

  private static DecoderSpec lfm2() {
    return DecoderSpec.of(rope(HALVES).queryKeyNorm(QueryKeyNorm.PER_HEAD).orElse(SHORT_CONV))
        .dimensions(Hybrid::convolutional)
        .finalNorm("token_embd_norm");
  }

  private static DecoderSpec lfm3() {
    return DecoderSpec.of(
            rope(HALVES)
                .queryKeyNorm(QueryKeyNorm.PER_HEAD)
                .output(OutputTransform.SIGMOID_GATE_PER_HEAD)
                .windowWithRope(LayerRule.listed("attention.sliding_window_pattern"), HALVES)
                .orElse(SHORT_CONV))
        .dimensions(Hybrid::convolutional)
        .block(
            BlockOrder.SANDWICH.orElse(
                (layer, x, mixer, ffn) ->
                    layer.preNorm(
                        x,
                        layer.normalized("post_attention_norm", mixer),
                        layer.ln2Post("post_ffw_norm", ffn))))
        .finalNorm("token_embd_norm");
  }

  private static DecoderSpec olmoHybrid() {
    return DecoderSpec.of(
            optionalRope()
                .queryKeyNorm(QueryKeyNorm.ALL_HEADS)
                .orElse(
                    model -> {
                      GatedDeltaNet net = olmoStates(model.params());
                      return layer -> net.of(model, layer);
                    }))
        .dimensions((params, drafts) -> ModelDimensions.hybrid(params, olmoStates(params).state()))
        .feedForward(FeedForwardSpec.gated(ActivationKind.SILU))
        .block(BlockOrder.POST_NORM.orElse(Layer::preNorm));
  }

  private static AttentionSpec optionalRope() {
    return AttentionSpec.perLayer(
        model -> (model.params().has("rope.freq_base") ? rope(HALVES) : noPe()).layers(model));
  }

  private static GatedDeltaNet olmoStates(Hyperparameters params) {
    return GatedDeltaNet.read(params, Grouping.ADJACENT)
        .correcting(params.floatValue("ssm.beta_scale", 1e-6f, 2, 1))
        .normalizing(OLMO_STATE_NORM_EPSILON);
  }
}
