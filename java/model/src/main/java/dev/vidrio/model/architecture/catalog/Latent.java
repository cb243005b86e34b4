package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.ALL;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;

import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.MixerSpec;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.architecture.decoder.Unembedding;
import dev.vidrio.model.block.LatentAttention;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.huggingface.mapping.LatentMapping;
import dev.vidrio.model.huggingface.mapping.TextMapping;
import java.util.List;

/** Multi-head latent attention (arXiv 2405.04434). */
final class Latent {
  private static final MixerSpec ATTENTION = model -> new LatentAttention(model)::of;

  /**
   * Dense layers first, then experts chosen by a softmax, or by sigmoids and a bias, in groups or
   * not, and a shared one; some models are dense.
   */
  private static final DecoderSpec DEEPSEEK2 =
      DecoderSpec.of(ATTENTION)
          .dimensions(LatentAttention::dimensions)
          .skipDraftBlocks()
          .feedForward(Latent::experts);

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // DeepSeek V2 (arXiv 2405.04434), V3 and R1 (arXiv 2412.19437), and models of their
          // shape.
          ArchitectureEntry.of("deepseek2", "DeepSeek", DEEPSEEK2.draftBlock())
              .models(
                  "V2, V3, R1, and others of their shape: Moonlight, Kimi K2, GLM-4.7-Flash, "
                      + "Sarvam 105B, Youtu")
              .traits(Trait.LATENT_ATTENTION)
              .directory(LatentMapping.V2, "DeepseekV2ForCausalLM")
              .directory(LatentMapping.V3, "DeepseekV3ForCausalLM", "SarvamMLAForCausalLM")
              .directory(LatentMapping.GLM_FLASH, "Glm4MoeLiteForCausalLM")
              .directory(LatentMapping.YOUTU, "YoutuForCausalLM"),
          // A.X K1 (SK Telecom 2026): a norm after the experts.
          ArchitectureEntry.of("axk1", "DeepSeek", DEEPSEEK2)
              .models("A.X K1")
              .traits(Trait.LATENT_ATTENTION, Trait.FEED_FORWARD_OUTPUT_NORM)
              .directory(LatentMapping.AXK1, "AXK1ForCausalLM"),
          // Mistral 4: queries grow with the position.
          ArchitectureEntry.of("mistral4", "Meta, Mistral", DEEPSEEK2)
              .traits(Trait.LATENT_ATTENTION)
              .directory(LatentMapping.MISTRAL_4, "Mistral4ForCausalLM")
              .directory(
                  config -> Llama.isText(config, "mistral4"),
                  new TextMapping(LatentMapping.MISTRAL_4),
                  "Mistral3ForConditionalGeneration"),
          ArchitectureEntry.of("minicpm3", "others", miniCpm3())
              .traits(Trait.LATENT_ATTENTION)
              .directory(LatentMapping.MINICPM_3, "MiniCPM3ForCausalLM"),
          // PLM (arXiv 2503.12167): plain feed-forward blocks of squared ReLU.
          ArchitectureEntry.of(
                  "plm",
                  "others",
                  DecoderSpec.of(ATTENTION)
                      .dimensions(LatentAttention::dimensions)
                      .feedForward(FeedForwardSpec.plain(ActivationKind.SQUARED_RELU)))
              .traits(Trait.LATENT_ATTENTION));

  private Latent() {}

  /**
   * Returns MiniCPM3's decoder: MiniCPM's constants, which its files may leave out, and LongRoPE.
   */
  private static DecoderSpec miniCpm3() {
    MixerSpec attention =
        model -> {
          Rotation turns = model.rope(Rotation.Pairs.INTERLEAVED).scaledIn("short");
          return new LatentAttention(model, Rotation.Pairs.HALVES, turns)::of;
        };
    FeedForwardSpec feedForward = FeedForwardSpec.gated(ActivationKind.SILU);
    return DecoderSpec.of(attention.then("unscaled", Latent::miniCpm3Residual))
        .dimensions(LatentAttention::dimensions)
        .feedForward(feedForward.then("unscaled", Latent::miniCpm3Residual))
        .embedding(Embedding.scaled(model -> Scales.scale(model.params(), "embedding_scale", 12)))
        .unembedding(
            Unembedding.scaled(
                model ->
                    1 / Scales.scale(model.params(), "logit_scale", model.dimensions().d() / 256f)))
        .longRope(
            model -> {
              Rotation turns = model.rope(Rotation.Pairs.INTERLEAVED).scaledIn("long");
              return turns.afterIdentity(model.dimensions().dH() - turns.width());
            });
  }

  private static Sublayer miniCpm3Residual(Transformer model) {
    float usual = (float) (1.4 / Math.sqrt(model.dimensions().layers()));
    return model.scale(Scales.scale(model.params(), "residual_scale", usual));
  }

  private static FeedForwardSpec.OfLayer experts(Transformer model) {
    int layers = model.dimensions().layers();
    int dense = model.params().intValue("leading_dense_block_count", 0, layers, 0);
    // V2 has no bias, and ranks a group by its best expert; V3 has one, and takes the best two.
    boolean biased = model.weights().has("blk." + dense + ".exp_probs_b.bias");
    FeedForwardSpec spec =
        dense == layers
            ? FeedForwardSpec.gated(ActivationKind.SILU)
            : MixtureSpec.grouped(
                    biased ? SIGMOID : SOFTMAX, ALL, biased ? GroupRank.TOP_TWO : GroupRank.MAX)
                .scaled()
                .shared()
                .inListedLayers();
    FeedForwardSpec.OfLayer blocks = spec.of(model);
    String norm = "post_ffw_norm";
    return (layer, residPre) -> {
      Sublayer ffn = blocks.of(layer, residPre);
      return model.weights().has(layer.tensor(norm + ".weight")) ? layer.ln2Post(norm, ffn) : ffn;
    };
  }
}
