package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.DecoderReader;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixerSpec;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.architecture.decoder.Unembedding;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.GraniteHybridMapping;
import dev.vidrio.model.huggingface.mapping.GraniteNames;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import java.util.List;

/**
 * Granite and MiniCPM: Llama with constants that scale the embeddings, the attention scores, what
 * sublayers add to the residual stream, and the logits.
 */
final class Granite {
  private static final String SHARED_WIDTH = "expert_shared_feed_forward_length";

  /** Experts if the file has them; files call the dense blocks of Granite 4 shared experts. */
  private static final FeedForwardSpec DENSE_OR_EXPERTS =
      MixtureSpec.of(SOFTMAX, CHOSEN).shared().orElse(dense());

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // Granite 3, and 4 without Mamba 2.
          ArchitectureEntry.of("granite", "IBM", granite(rope(INTERLEAVED), dense()))
              .models("3, and 4 without Mamba")
              .directory(Llama.REORDERED.keys(GraniteNames::scales), "GraniteForCausalLM")
              .directory(
                  config ->
                      !GraniteHybridMapping.isHybrid(config)
                          && !GraniteHybridMapping.hasExperts(config),
                  GraniteHybridMapping.WITHOUT_MAMBA,
                  "GraniteMoeHybridForCausalLM"),
          ArchitectureEntry.of("granitemoe", "IBM", granite(rope(INTERLEAVED), DENSE_OR_EXPERTS))
              .models("with a shared expert or without")
              .directory(
                  Llama.REORDERED
                      .layer(
                          LlamaNames::norms,
                          LlamaNames::interleavedAttention,
                          GraniteNames::experts)
                      .keys(GraniteNames::scales, ExpertNames::counts, GraniteNames::sharedWidth),
                  "GraniteMoeForCausalLM",
                  "GraniteMoeSharedForCausalLM")
              .directory(
                  config ->
                      !GraniteHybridMapping.isHybrid(config)
                          && GraniteHybridMapping.hasExperts(config),
                  GraniteHybridMapping.WITHOUT_MAMBA,
                  "GraniteMoeHybridForCausalLM"),
          // Granite with attention sinks, a window in some layers, and no RoPE in some.
          ArchitectureEntry.of(
                  "granite_swa",
                  "IBM",
                  granite(
                      rope(INTERLEAVED)
                          .noPe(LayerRule.listed("attention.rope_pattern").not())
                          .window(LayerRule.listed("attention.sliding_window_pattern")),
                      DENSE_OR_EXPERTS))
              .traits(Trait.ATTENTION_SINKS)
              .directory(GraniteSwa.DENSE, "GraniteSWAForCausalLM")
              .directory(GraniteSwa.EXPERTS, "GraniteMoeSWAForCausalLM"),
          // Granite 4: Mamba 2 in the layers without key-value heads.
          ArchitectureEntry.of(
                  "granitehybrid",
                  "IBM",
                  granite(optionalRope().orElse(Hybrid.MAMBA_2), DENSE_OR_EXPERTS)
                      .dimensions(
                          (params, drafts) ->
                              ModelDimensions.hybrid(params, Mamba2.read(params).state())))
              .models("4.0 H, with experts or without")
              .traits(Trait.MAMBA_2)
              .directory(
                  GraniteHybridMapping::isHybrid,
                  GraniteHybridMapping.WITH_MAMBA,
                  "GraniteMoeHybridForCausalLM"),
          // MiniCPM (arXiv 2404.06395), with constants other than 1 by default.
          ArchitectureEntry.of("minicpm", "others", requiringScales())
              .directory(Llama.REORDERED.keys(Granite::miniCpmScales), "MiniCPMForCausalLM"));

  private Granite() {}

  private static DecoderSpec granite(MixerSpec mixer, FeedForwardSpec feedForward) {
    return DecoderSpec.of(mixer.then("unscaled", Scales::residual))
        .feedForward(feedForward.then("unscaled", Scales::residual))
        .embedding(Embedding.scaled(Scales::embedding))
        .unembedding(Unembedding.scaled(model -> 1 / Scales.requiredLogits(model)));
  }

  private static FeedForwardSpec dense() {
    return model -> {
      model.params().ignore(SHARED_WIDTH);
      return FeedForwardSpec.gated(ActivationKind.SILU).of(model);
    };
  }

  private static AttentionSpec optionalRope() {
    return AttentionSpec.perLayer(
        model ->
            (model.params().flag("rope.scaling.finetuned", true) ? rope(INTERLEAVED) : noPe())
                .layers(model));
  }

  private static DecoderReader requiringScales() {
    DecoderSpec spec = granite(rope(INTERLEAVED), dense());
    return (params, weights) -> {
      for (String key : List.of("embedding_scale", "residual_scale", "logit_scale")) {
        if (!params.has(key)) {
          throw params.unsupported("a file without " + params.full(key));
        }
      }
      return spec.read(params, weights);
    };
  }

  private static void miniCpmScales(Config config, MetadataBuilder out) {
    double layers = config.size("num_hidden_layers");
    double width = config.size("hidden_size");
    out.real("embedding_scale", config.real("scale_emb"))
        .real("residual_scale", config.real("scale_depth") / Math.sqrt(layers))
        .real("logit_scale", width / config.size("dim_model_base"));
  }
}
