package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.ALL;
import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.optional;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.GroupRank;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixtureSpec;
import dev.vidrio.model.architecture.decoder.Unembedding;
import dev.vidrio.model.block.Attention.OutputTransform;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.Llama4Mapping;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.MiMo2Mapping;
import dev.vidrio.model.huggingface.mapping.Rope;
import dev.vidrio.model.huggingface.mapping.SlidingWindow;
import java.util.List;
import java.util.function.IntPredicate;

/** Mixtures of experts, with dense blocks in some layers or none. */
final class Mixture {
  private static final int LAYERS_PER_FULL = 4;

  private static final String SLIDING_PATTERN = "attention.sliding_window_pattern";

  /** Draft blocks are ignored. */
  private static final MappingSpec.KeyRule NO_DRAFTS =
      (config, out) -> out.integer("nextn_predict_layers", 0);

  private static final AttentionSpec NORMALIZED = rope(HALVES).queryKeyNorm(QueryKeyNorm.PER_HEAD);

  /** Experts chosen by sigmoids and a bias, after dense layers, and a shared expert. */
  private static final MixtureSpec SIGMOID_AND_SHARED =
      MixtureSpec.of(SIGMOID, ALL).scaled().shared().inListedLayers();

  private static final MixtureSpec GROUPED_SIGMOID_AND_SHARED =
      MixtureSpec.grouped(SIGMOID, ALL, GroupRank.TOP_TWO).scaled().shared().inListedLayers();

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // Trinity (Arcee, AFMoE): norms before and after each sublayer, normalized queries and
          // keys, gated attention, RoPE in the layers with a window alone.
          ArchitectureEntry.of("afmoe", "others", afmoe())
              .models("Trinity")
              .traits(Trait.SANDWICH_NORM, Trait.ATTENTION_GATE)
              .directory(afmoeMapping(), "AfmoeForCausalLM"),
          // Arctic (Snowflake 2024): experts in parallel to each dense block, which read the
          // residual stream before attention.
          ArchitectureEntry.of(
                  "arctic",
                  "others",
                  DecoderSpec.of(rope(INTERLEAVED)).feedForward(Mixture::arctic))
              .traits(Trait.EXPERTS_BEFORE_ATTENTION),
          // Aria (Rhymes AI, arXiv 2410.05993), the text decoder: Llama with experts and shared
          // ones.
          ArchitectureEntry.of(
                  "aria",
                  "others",
                  DecoderSpec.of(rope(HALVES))
                      .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN).shared()))
              .directory(ariaMapping(), "AriaTextForCausalLM")
              .textOf(ariaMapping(), "AriaForConditionalGeneration"),
          // DeepSeekMoE (arXiv 2401.06066): dense layers, then experts chosen by a softmax.
          ArchitectureEntry.of("deepseek", "DeepSeek", deepseek())
              .models("DeepSeekMoE")
              .directory(deepseekMapping(), "DeepseekForCausalLM"),
          // Ling (arXiv 2503.05139).
          ArchitectureEntry.of("bailingmoe", "others", deepseek()).models("Ling"),
          // Ling 2.0 (arXiv 2510.22115), Sarvam 30B.
          ArchitectureEntry.of("bailingmoe2", "others", dots())
              .models("Ling 2.0, Sarvam 30B")
              .directory(bailingMoe2(0.5, 0), "BailingMoeV2ForCausalLM")
              .directory(bailingMoe2(1, 1), "SarvamMoEForCausalLM"),
          // dots.llm1 (arXiv 2506.05767).
          ArchitectureEntry.of("dots1", "others", dots())
              .directory(glm4Moe("ffn_norm.weight", 1, -1, false), "Dots1ForCausalLM"),
          // Hunyuan 3 (Tencent 2026). Its files do not have the number of dense layers.
          ArchitectureEntry.of(
                  "hy_v3",
                  "Tencent",
                  DecoderSpec.of(NORMALIZED)
                      .draftBlock()
                      .feedForward(
                          MixtureSpec.of(SIGMOID, ALL).scaled().shared().inLayersWithRouter()))
              .models("Hunyuan 3")
              .directory(hunyuanV3(), "HYV3ForCausalLM"),
          // Hunyuan A13B.
          ArchitectureEntry.of(
                  "hunyuan-moe",
                  "Tencent",
                  DecoderSpec.of(Hunyuan.attention(HALVES))
                      .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN).shared()))
              .models("A13B")
              .directory(
                  Hunyuan.MAPPING
                      .keys(Hunyuan::experts)
                      .and(
                          tensor("mlp.gate.wg.weight", "ffn_gate_inp.weight"),
                          ExpertNames::experts,
                          ExpertNames.shared("shared_mlp"),
                          Hunyuan.HEAD_NORMS),
                  "HunYuanMoEV1ForCausalLM"),
          // Command models with experts. Their sum with the shared expert is halved. Dense layers
          // come first and have RoPE even without a window.
          ArchitectureEntry.of("cohere2moe", "Cohere", cohere2Moe())
              .directory(cohere2MoeMapping(), "Cohere2MoeForCausalLM"),
          // DBRX (Databricks 2024): LayerNorm, clamped fused queries, keys and values.
          ArchitectureEntry.of(
                  "dbrx",
                  "others",
                  DecoderSpec.of(rope(HALVES).clamped())
                      .layerNorm()
                      .block(BlockOrder.preNorm("attn_output_norm"))
                      .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN)))
              .directory(dbrx(), "DbrxForCausalLM"),
          // ERNIE 4.5 (Baidu 2025): experts chosen by a softmax and a bias.
          ArchitectureEntry.of(
                  "ernie4_5-moe",
                  "others",
                  DecoderSpec.of(rope(INTERLEAVED))
                      .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN).shared().inListedLayers()))
              .directory(ernie(), "Ernie4_5_MoeForCausalLM"),
          // K-EXAONE (arXiv 2601.01739): a window in three layers of four, no positional encoding
          // in the others.
          ArchitectureEntry.of(
                  "exaone-moe",
                  "LG",
                  DecoderSpec.of(
                          NORMALIZED
                              .window(LayerRule.sliding(LAYERS_PER_FULL))
                              .noPe(LayerRule.sliding(LAYERS_PER_FULL).not()))
                      .skipDraftBlocks()
                      .feedForward(GROUPED_SIGMOID_AND_SHARED))
              .models("K-EXAONE")
              .directory(exaoneMoe(), "ExaoneMoeForCausalLM", "ExaoneMoEForCausalLM"),
          // Flint (Recursive SI): sinks, a window with RoPE in most layers, no positional encoding
          // in
          // the others; dense layers, then experts chosen by sigmoids, and a shared one.
          ArchitectureEntry.of(
                  "flint",
                  "others",
                  DecoderSpec.of(
                          NORMALIZED
                              .window(LayerRule.listed(SLIDING_PATTERN))
                              .noPe(LayerRule.listed(SLIDING_PATTERN).not()))
                      .feedForward(MixtureSpec.of(SIGMOID, CHOSEN).shared().inListedLayers()))
              .traits(Trait.ATTENTION_SINKS)
              .directory(flintMapping(), "FlintForCausalLM"),
          // FlexOlmo (arXiv 2507.07024): OLMo 2 with experts.
          ArchitectureEntry.of(
                  "flex_olmo", "Ai2", Llama.olmo2().feedForward(MixtureSpec.of(SOFTMAX, ALL)))
              .directory(flexOlmo(), "FlexOlmoForCausalLM"),
          // OLMoE (arXiv 2409.02060).
          ArchitectureEntry.of(
                  "olmoe",
                  "Ai2",
                  DecoderSpec.of(rope(HALVES).queryKeyNorm(QueryKeyNorm.ALL_HEADS))
                      .feedForward(MixtureSpec.of(SOFTMAX, ALL)))
              .directory(olmoe(), "OlmoeForCausalLM"),
          // GLM-4.5 (arXiv 2508.06471), Solar Open: RoPE on a part of each head, normalized queries
          // and keys in some models.
          ArchitectureEntry.of("glm4moe", "Z.ai", glm4Moe())
              .models("GLM-4.5, Solar Open")
              .directory(
                  glm4Moe("post_attention_norm.weight", 0.5, -1, true)
                      .rmsEpsilon(1e-5)
                      .tensors(LlamaNames::ignoreDraftBlocks),
                  "Glm4MoeForCausalLM")
              .directory(
                  glm4Moe("post_attention_norm.weight", 1, 0, true)
                      .rmsEpsilon(1e-5)
                      .tensors(LlamaNames::ignoreDraftBlocks),
                  "SolarOpenForCausalLM"),
          // gpt-oss (arXiv 2508.10925): sinks, a window in each second layer, clamped experts with
          // biases, unrounded YaRN.
          ArchitectureEntry.of("gpt-oss", "OpenAI", gptOss())
              .traits(Trait.ATTENTION_SINKS)
              .directory(gptOssMapping(), "GptOssForCausalLM"),
          ArchitectureEntry.of("laguna", "others", Laguna.spec())
              .traits(Trait.ATTENTION_GATE)
              .directory(Laguna.mapping(), "LagunaForCausalLM"),
          ArchitectureEntry.of("llama4", "Meta, Mistral", Llama4.spec())
              .models("Scout, Maverick")
              .directory(Llama4Mapping.SPEC, "Llama4ForCausalLM")
              .textOf(Llama4Mapping.SPEC, "Llama4ForConditionalGeneration"),
          ArchitectureEntry.of("mimo2", "others", MiMo2.spec())
              .models("MiMo V2")
              .traits(Trait.ATTENTION_SINKS)
              .directory(MiMo2Mapping.SPEC, "MiMoV2FlashForCausalLM"),
          // MiniMax M2 (MiniMax 2025): queries and keys normalized over all heads.
          ArchitectureEntry.of(
                  "minimax-m2",
                  "others",
                  DecoderSpec.of(rope(HALVES).queryKeyNorm(QueryKeyNorm.ALL_HEADS))
                      .feedForward(MixtureSpec.of(SIGMOID, CHOSEN).scaled()))
              .directory(miniMaxM2(), "MiniMaxM2ForCausalLM"),
          // Phi 3.5 MoE: LayerNorm, and expert weights of a sparse mixer (arXiv 2409.12136).
          ArchitectureEntry.of(
                  "phimoe",
                  "Microsoft",
                  Llama.phi3Decoder()
                      .layerNorm()
                      .feedForward(MixtureSpec.reading(Mixture::sparseMixer)))
              .models("3.5 MoE")
              .directory(phiMoe(), "PhimoeForCausalLM", "PhiMoEForCausalLM"),
          // SmallThinker (arXiv 2507.20984): ReLU gates; routers read the residual stream before
          // attention. With a window, each fourth layer from the first on has neither window nor
          // RoPE.
          ArchitectureEntry.of("smallthinker", "others", smallThinker())
              .traits(Trait.EXPERTS_BEFORE_ATTENTION),
          ArchitectureEntry.of("step35", "others", Step35.spec())
              .models("Step 3.5 Flash")
              .traits(Trait.ATTENTION_GATE));

  private Mixture() {}

  private static DecoderSpec afmoe() {
    return DecoderSpec.of(
            NORMALIZED
                .output(OutputTransform.SIGMOID_GATE)
                .in(
                    LayerRule.sliding(LAYERS_PER_FULL),
                    (model, a) -> a.withWindow(model.params().window(0)))
                .noPe(LayerRule.sliding(LAYERS_PER_FULL).not()))
        .embedding(Embedding.SCALED_BY_ROOT_WIDTH)
        .block(BlockOrder.SANDWICH)
        .feedForward(SIGMOID_AND_SHARED);
  }

  private static MappingSpec afmoeMapping() {
    return MappingSpec.of(
            tensor("input_layernorm.weight", "attn_norm.weight"),
            tensor("post_attention_layernorm.weight", "post_attention_norm.weight"),
            tensor("pre_mlp_layernorm.weight", "ffn_norm.weight"),
            tensor("post_mlp_layernorm.weight", "post_ffw_norm.weight"),
            LlamaNames::attention,
            LlamaNames::queryKeyNorms,
            tensor("self_attn.gate_proj.weight", "attn_gate.weight"),
            LayerTensors.all(
                    tensor("mlp.router.gate.weight", "ffn_gate_inp.weight"),
                    tensor("mlp.expert_bias", "exp_probs_b.bias"),
                    ExpertNames::experts,
                    ExpertNames.shared("shared_experts"))
                .afterDense(Mixture::afmoeDense))
        .check(config -> config.requireOneOf("score_func", "sigmoid"))
        .on("route_norm")
        .check(config -> config.requireNumber("num_expert_groups", 1))
        .check(
            config -> {
              if (!config.bool("mup_enabled", false)) {
                throw config.unsupported("mup_enabled", "false", "must be true");
              }
            })
        .rmsEpsilon(1e-5)
        .keys(
            (config, out) ->
                SlidingWindow.put(config, out, config.size("global_attn_every_n_layers", 4)),
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCount("num_shared_experts", 1, 2),
            ExpertNames.leadingDense(Mixture::afmoeDense),
            ExpertNames.SIGMOID,
            ExpertNames.scale("route_scale", 1),
            ExpertNames.NORMALIZED);
  }

  private static int afmoeDense(Config config) {
    return ExpertNames.dense(config, "num_dense_layers", 1);
  }

  private static MappingSpec ariaMapping() {
    return MappingSpec.of(
            LlamaNames::norms,
            LlamaNames::attention,
            tensor("mlp.router.weight", "ffn_gate_inp.weight"),
            ExpertNames.transposed("mlp.experts.fc1.weight", "mlp.experts.fc2.weight"),
            ExpertNames.shared("shared_experts"))
        .keys(
            CommonKeys.size("moe_num_experts", "expert_count"),
            CommonKeys.size("moe_topk", "expert_used_count"),
            ExpertNames.width("intermediate_size"),
            ExpertNames.sharedCount("moe_num_shared_experts", 1, 2));
  }

  private static MappingSpec flintMapping() {
    return MappingSpec.of(
            LlamaNames::normalizedAttention,
            tensor("self_attn.softmax_offset", "attn_sinks.weight"),
            LayerTensors.all(ExpertNames::routed, ExpertNames.shared("shared_expert"))
                .afterDense(Mixture::flintDense))
        .check(config -> config.requireNumber("decoder_sparse_step", 1))
        .keys(
            SlidingWindow::putTypes,
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedWidth("shared_expert_intermediate_size"),
            ExpertNames.leadingDense(Mixture::flintDense),
            ExpertNames.SIGMOID,
            ExpertNames.normalized(true));
  }

  /** Returns the number of dense layers, which must come first. */
  private static int flintDense(Config config) {
    String key = "mlp_only_layers";
    int[] dense = config.integers(key);
    for (int l = 0; l < dense.length; l++) {
      if (dense[l] != l) {
        throw config.unsupported(key, "[" + l + "] " + dense[l], "dense layers must come first");
      }
    }
    return dense.length;
  }

  private static FeedForwardSpec.OfLayer arctic(Transformer model) {
    Experts experts = Experts.read(model.params(), model.dimensions(), SOFTMAX, CHOSEN);
    return (layer, residPre) -> {
      Sublayer dense = layer.sharedFfn(ActivationKind.SILU, model.dimensions().d());
      return (hook, x) -> {
        String norm = layer.tensor("ffn_norm_exps");
        Buffer read = model.norm(layer.hook("experts_in"), norm, residPre);
        Buffer routed = layer.mixture(experts).write(hook + ".routed", read);
        return model.plan().add(hook, dense.write(hook + ".dense", x), routed);
      };
    };
  }

  private static DecoderSpec deepseek() {
    return DecoderSpec.of(rope(INTERLEAVED))
        .feedForward(MixtureSpec.of(SOFTMAX, ALL).scaled().shared().inListedLayers());
  }

  private static MappingSpec deepseekMapping() {
    return MappingSpec.of(
            LlamaNames::norms,
            LlamaNames::interleavedAttention,
            LayerTensors.all(ExpertNames::routed, ExpertNames.optionalShared("n_shared_experts"))
                .afterDense(Mixture::requiredDense))
        .check(config -> config.requireOneOf("scoring_func", "softmax"))
        .off("norm_topk_prob")
        .check(config -> config.requireNumber("moe_layer_freq", 1))
        .keys(
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCount("n_shared_experts", 0, 0),
            ExpertNames.leadingDense(Mixture::requiredDense),
            ExpertNames.SOFTMAX,
            (config, out) ->
                out.real("expert_weights_scale", 1).bool("expert_weights_norm", false));
  }

  private static int requiredDense(Config config) {
    return ExpertNames.requiredDense(config, "first_k_dense_replace");
  }

  private static DecoderSpec dots() {
    return DecoderSpec.of(NORMALIZED).skipDraftBlocks().feedForward(GROUPED_SIGMOID_AND_SHARED);
  }

  private static DecoderSpec glm4Moe() {
    return DecoderSpec.of(
            rope(HALVES)
                .change(
                    (model, a) ->
                        a.withQueryKeyNorm(
                            model.weights().has("blk.0.attn_q_norm.weight")
                                ? QueryKeyNorm.PER_HEAD
                                : QueryKeyNorm.NONE)))
        .draftBlock()
        .block(BlockOrder.preNorm("post_attention_norm"))
        .feedForward(SIGMOID_AND_SHARED);
  }

  /**
   * Returns the mapping that GLM-4.5, Solar Open and dots.llm1 share.
   *
   * @param secondNorm tensor of the norm before the feed-forward block
   * @param partialRope part of a head with RoPE unless the configuration names one
   * @param dense number of dense layers unless the configuration has one; −1 if it must
   * @param normalized whether weights add up to 1 unless the configuration says otherwise
   */
  private static MappingSpec glm4Moe(
      String secondNorm, double partialRope, int dense, boolean normalized) {
    return MappingSpec.of(
            tensor("input_layernorm.weight", "attn_norm.weight"),
            tensor("post_attention_layernorm.weight", secondNorm),
            LlamaNames::attention,
            optional("self_attn.q_norm.weight", "attn_q_norm.weight"),
            optional("self_attn.k_norm.weight", "attn_k_norm.weight"),
            LayerTensors.all(
                    ExpertNames::routed,
                    tensor("mlp.gate.e_score_correction_bias", "exp_probs_b.bias"),
                    ExpertNames.optionalShared("n_shared_experts"))
                .afterDense(config -> glm4MoeDense(config, dense)))
        .check(config -> config.requireOneOf("scoring_func", "sigmoid", "noaux_tc"))
        .check(config -> config.integer("n_shared_experts", 0, Config.MAX_SIZE))
        .partialRope(partialRope)
        .keys(
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCount("n_shared_experts", 0, 0),
            ExpertNames.leadingDense(config -> glm4MoeDense(config, dense)),
            ExpertNames.SIGMOID,
            ExpertNames.scale("routed_scaling_factor", 1),
            ExpertNames.normalized(normalized));
  }

  private static int glm4MoeDense(Config config, int usual) {
    return usual >= 0
        ? ExpertNames.dense(config, "first_k_dense_replace", usual)
        : requiredDense(config);
  }

  private static MappingSpec hunyuanV3() {
    return MappingSpec.of(
            LlamaNames::normalizedAttention,
            LayerTensors.all(
                    tensor("mlp.router.gate.weight", "ffn_gate_inp.weight"),
                    tensor("mlp.expert_bias", "exp_probs_b"),
                    ExpertNames::experts,
                    ExpertNames.shared("shared_mlp"))
                .afterDense(config -> ExpertNames.dense(config, 1)))
        .on("route_norm", "moe_router_use_sigmoid")
        .rmsEpsilon(1e-5)
        .requireRopeBase()
        .keys(
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCountAndWidth("moe_intermediate_size", "num_shared_experts", 1, 1),
            ExpertNames.SIGMOID,
            ExpertNames.scale("router_scaling_factor", 2.826),
            ExpertNames.NORMALIZED)
        .tensors(LlamaNames::ignoreDraftBlocks);
  }

  private static DecoderSpec cohere2Moe() {
    LayerRule sliding = LayerRule.sliding(LAYERS_PER_FULL);
    return DecoderSpec.of(
            rope(INTERLEAVED)
                .window(sliding)
                .noPe(
                    params -> {
                      IntPredicate slides = sliding.of(params);
                      int dense = leadingDense(params);
                      return l -> !slides.test(l) && l >= dense;
                    }))
        .skipDraftBlocks()
        // Which epsilon a file has decides the kind of norm.
        .norm(
            params ->
                params.has("attention.layer_norm_rms_epsilon") ? NormKind.RMS : NormKind.LAYER)
        .block(BlockOrder.PARALLEL)
        .feedForward(Mixture::meanWithShared)
        .unembedding(Unembedding.scaled(Scales::requiredLogits));
  }

  private static int leadingDense(Hyperparameters params) {
    int layers = ModelDimensions.layers(params, ModelDimensions.draftBlocks(params));
    return params.intValue("leading_dense_block_count", 0, layers, 0);
  }

  /** Reads experts and halves their sum with the shared expert. */
  private static FeedForwardSpec.OfLayer meanWithShared(Transformer model) {
    Experts experts = SIGMOID_AND_SHARED.experts(model);
    int dense = leadingDense(model.params());
    Sublayer half = model.scale(0.5f);
    return (layer, residPre) -> {
      Sublayer sum = layer.mixture(experts);
      boolean isMean = layer.index() >= dense && experts.sharedWidth() > 0;
      return isMean ? sum.then("sum", half) : sum;
    };
  }

  private static MappingSpec cohere2MoeMapping() {
    return MappingSpec.of(
            tensor("input_layernorm.weight", "attn_norm.weight"),
            LlamaNames::attention,
            LayerTensors.all(ExpertNames::routed, ExpertNames.optionalShared("num_shared_experts"))
                .afterDense(config -> ExpertNames.dense(config, 0)))
        .check(config -> config.requireOneOf("shared_expert_combination_strategy", "average"))
        .check(config -> config.requireOneOf("expert_selection_fn", "softmax", "sigmoid"))
        .check(config -> config.requireNumber("prefix_dense_sliding_window_pattern", 1))
        .epsilon(
            (config, out) -> {
              CommonKeys.layerNormEpsilon(config, out, "layer_norm_eps");
              if (config.has("rms_norm_eps")) {
                CommonKeys.rmsEpsilon(config, out, 1e-6);
              }
            })
        .keys(
            Mixture::cohere2MoeKeys,
            ExpertNames::counts,
            ExpertNames.width("intermediate_size"),
            ExpertNames.sharedCountAndWidth("intermediate_size", "num_shared_experts", 0, 0),
            ExpertNames.leadingDense(config -> ExpertNames.dense(config, 0)),
            CommonKeys.real("logit_scale", "logit_scale", 0.0625),
            SlidingWindow.every(LAYERS_PER_FULL))
        .tied(true)
        .tensors(LlamaNames::ignoreDraftBlocks);
  }

  private static void cohere2MoeKeys(Config config, MetadataBuilder out) {
    int width = config.size("intermediate_size");
    boolean softmax = config.string("expert_selection_fn", "softmax").equals("softmax");
    out.integer("feed_forward_length", config.size("prefix_dense_intermediate_size", width))
        .integer("expert_gating_func", softmax ? 1 : 2)
        // Softmax weights are normalized over the chosen experts whatever the configuration says.
        .bool("expert_weights_norm", softmax || config.bool("norm_topk_prob", true));
  }

  private static MappingSpec ernie() {
    return MappingSpec.of(
            LlamaNames::norms,
            LlamaNames::attention,
            LayerTensors.all(
                    ExpertNames::routed,
                    tensor("mlp.moe_statics.e_score_correction_bias", "exp_probs_b.bias"),
                    ExpertNames.optionalShared("moe_num_shared_experts"))
                .or(
                    (config, l) -> l >= ernieFirst(config) && (l + 1) % erniePeriod(config) == 0,
                    LlamaNames::gatedFfn))
        .check(
            config -> {
              int layers = config.size("num_hidden_layers");
              config.require(
                  "moe_layer_end_index",
                  value -> value.asInt(0) < 0 || value.asInt(0) >= layers - 1,
                  "all layers from the first with experts on must have them");
            })
        .rmsEpsilon(1e-5)
        .requireRopeBase()
        .keys(
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCountAndWidth(
                "moe_intermediate_size", "moe_num_shared_experts", 0, 0),
            ExpertNames.leadingDense(Mixture::ernieFirst),
            (config, out) -> out.integer("interleave_moe_layer_step", erniePeriod(config)));
  }

  private static int ernieFirst(Config config) {
    return ExpertNames.requiredDense(config, "moe_layer_start_index");
  }

  private static int erniePeriod(Config config) {
    return config.size("moe_layer_interval", 1);
  }

  private static MappingSpec exaoneMoe() {
    return MappingSpec.of(
            LlamaNames::normalizedAttention,
            LayerTensors.all(
                    ExpertNames::routed, Mixture::exaoneBias, ExpertNames.shared("shared_experts"))
                .afterDense(config -> ExpertNames.dense(config, 1)))
        .check(config -> config.requireOneOf("scoring_func", "sigmoid"))
        .rmsEpsilon(1e-5)
        .keys(
            SlidingWindow.every(LAYERS_PER_FULL),
            ExpertNames::groupedCounts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCountAndWidth("moe_intermediate_size", "num_shared_experts", 1, 1),
            ExpertNames.leadingDense(config -> ExpertNames.dense(config, 1)),
            NO_DRAFTS,
            ExpertNames.SIGMOID,
            ExpertNames.scale("routed_scaling_factor", 2.5),
            ExpertNames.normalized(true))
        .ignoring("mtp.");
  }

  private static void exaoneBias(Config config, TensorMap layer, int index) {
    String bias = "e_score_correction_bias";
    String from = layer.has("mlp." + bias) ? "mlp." + bias : "mlp.gate." + bias;
    layer.take(from, "exp_probs_b.bias");
  }

  /**
   * Returns the mapping of Ling 2.0 and Sarvam, which subtracts the mean of its biases: this
   * changes no choice.
   *
   * @param share part of a head with RoPE unless the configuration has it
   * @param dense number of dense layers unless the configuration has it
   */
  private static MappingSpec bailingMoe2(double share, int dense) {
    return MappingSpec.of(
            LlamaNames::norms,
            tensor("attention.query_key_value.weight", "attn_qkv.weight"),
            tensor("attention.dense.weight", "attn_output.weight"),
            tensor("attention.query_layernorm.weight", "attn_q_norm.weight"),
            tensor("attention.key_layernorm.weight", "attn_k_norm.weight"),
            LayerTensors.all(
                    ExpertNames::routed,
                    tensor("mlp.gate.expert_bias", "exp_probs_b.bias"),
                    ExpertNames.shared("shared_experts"))
                .afterDense(config -> ExpertNames.dense(config, dense)))
        .check(config -> config.requireOneOf("score_function", "sigmoid"))
        .off("use_bias", "use_qkv_bias")
        .check(config -> config.size("num_shared_experts"))
        .requireRopeBase()
        .partialRope(share)
        .keys(
            ExpertNames::groupedCounts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedCountAndWidth("moe_intermediate_size", "num_shared_experts", 1, 1),
            CommonKeys.optionalSize(
                "moe_shared_expert_intermediate_size", "expert_shared_feed_forward_length"),
            ExpertNames.leadingDense(config -> ExpertNames.dense(config, dense)),
            NO_DRAFTS,
            ExpertNames.SIGMOID,
            (config, out) -> out.real("expert_weights_scale", config.real("routed_scaling_factor")),
            ExpertNames.normalized(true))
        .modules("word_embeddings", "norm", "layers.")
        .tied(false)
        .tensors(LlamaNames::ignoreDraftBlocks);
  }

  /** Returns the mapping of DBRX: fused projections, and all experts in one matrix. */
  private static MappingSpec dbrx() {
    return Gpt.mosaic(
            linear("norm_attn_norm.norm_1", "attn_norm"),
            linear("norm_attn_norm.attn.Wqkv", "attn_qkv"),
            linear("norm_attn_norm.attn.out_proj", "attn_output"),
            linear("norm_attn_norm.norm_2", "attn_output_norm"),
            tensor("ffn.router.layer.weight", "ffn_gate_inp.weight"),
            (config, layer, l) -> {
              int count = config.object("ffn_config").size("moe_num_experts");
              TensorMap experts = layer.in("ffn.experts.mlp.", "");
              experts.take("w1", "ffn_gate_exps.weight", Layout.split(count));
              experts.take("v1", "ffn_up_exps.weight", Layout.split(count));
              experts.take("w2", "ffn_down_exps.weight", Layout.splitColumns(count));
            })
        .check(
            config -> {
              config.object("attn_config").size("kv_n_heads");
              Config ffn = config.object("ffn_config");
              ffn.object("ffn_act_fn").requireOneOf("name", "silu");
              ffn.require(
                  "moe_normalize_expert_weights", value -> value.asDouble(0) == 1, "must be 1");
            })
        .dimensions(
            CommonKeys.dimensions(config -> config.object("ffn_config").size("ffn_hidden_size")))
        .epsilon(Gpt.CONSTANT_EPSILON)
        .rope(
            config -> {
              Rope rope = Rope.of(config);
              double base = config.object("attn_config").real("rope_theta", rope.base());
              return rope.based(base, rope.type());
            })
        .keys(
            (config, out) -> {
              Config ffn = config.object("ffn_config");
              out.integer("expert_count", ffn.size("moe_num_experts"))
                  .integer("expert_used_count", ffn.size("moe_top_k"));
            })
        .tied(false);
  }

  private static MappingSpec flexOlmo() {
    return MappingSpec.of(
            LlamaNames::attention,
            ExpertNames::routed,
            LlamaNames::queryKeyNorms,
            tensor("post_attention_layernorm.weight", "post_attention_norm.weight"),
            tensor("post_feedforward_layernorm.weight", "post_ffw_norm.weight"))
        .requireRopeBase()
        .keys(ExpertNames::counts, ExpertNames.normalized(false));
  }

  private static MappingSpec olmoe() {
    return MappingSpec.of(LlamaNames::normalizedAttention, ExpertNames::routed)
        .check(config -> config.require("clip_qkv", value -> false, "must be null"))
        .rmsEpsilon(1e-5)
        .keys(ExpertNames::counts, ExpertNames.normalized(false));
  }

  private static DecoderSpec gptOss() {
    return DecoderSpec.of(
            noPe()
                .change((model, a) -> a.withRope(model.rope(HALVES).withoutRounding().scaled()))
                .in(LayerRule.sliding(2), (model, a) -> a.withWindow(model.params().window(0))))
        .block(BlockOrder.preNorm("post_attention_norm"))
        .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN).gatedBy(ActivationKind.CLAMPED_SWISH));
  }

  private static MappingSpec gptOssMapping() {
    return MappingSpec.of(
            tensor("input_layernorm.weight", "attn_norm.weight"),
            tensor("post_attention_layernorm.weight", "post_attention_norm.weight"),
            LlamaNames::attention,
            tensor("self_attn.sinks", "attn_sinks.weight"),
            linear("mlp.router", "ffn_gate_inp"),
            columns("gate_up_proj", "ffn_gate_exps", 0, 2),
            columns("gate_up_proj", "ffn_up_exps", 1, 2),
            columns("down_proj", "ffn_down_exps", 0, 1))
        .check(
            config -> config.require("swiglu_limit", value -> value.asDouble(0) == 7, "must be 7"))
        .rmsEpsilon(1e-5)
        .ropeKeys((rope, config, out, dH) -> rope.put(out, dH, false, false))
        .keys(SlidingWindow.every(2), ExpertNames::counts, ExpertNames.width("intermediate_size"));
  }

  /** Takes each {@code step}-th column of all experts' matrices, in any type, and their biases. */
  private static LayerTensors columns(String from, String to, int first, int step) {
    return (config, layer, l) -> {
      String source = "mlp.experts." + from;
      if (layer.has(source + "_blocks")) {
        List<String> parts = List.of(source + "_blocks", source + "_scales");
        layer.take(parts, to + ".weight", Layout.mxfp4(first, step));
      } else {
        layer.take(source, to + ".weight", Layout.columns(first, step));
      }
      layer.take(source + "_bias", to + ".bias", Layout.elements(first, step));
    };
  }

  private static MappingSpec miniMaxM2() {
    return MappingSpec.of(
            LlamaNames::normalizedAttention,
            ExpertNames::sparse,
            tensor("block_sparse_moe.e_score_correction_bias", "exp_probs_b.bias"))
        .check(config -> config.requireOneOf("scoring_func", "sigmoid"))
        .check(config -> config.requireOneOf("qk_norm_type", "per_layer"))
        .on("use_qk_norm", "use_routing_bias")
        .check(config -> config.requireNumber("shared_intermediate_size", 0))
        .requireRopeBase()
        // Released configurations have the number of rotated elements, others the part of a head.
        .rope(
            config -> {
              double dH = CommonKeys.headWidth(config);
              return Rope.of(config, config.has("rotary_dim") ? config.size("rotary_dim") / dH : 1);
            })
        .keys(ExpertNames::counts, ExpertNames.width("intermediate_size"), ExpertNames.SIGMOID);
  }

  private static Experts sparseMixer(Transformer model) {
    Hyperparameters params = model.params();
    Experts read = Experts.read(params, model.dimensions(), SOFTMAX, CHOSEN);
    if (read.routing().score() != SOFTMAX || read.routing().over() != CHOSEN) {
      throw params.unsupported("a mixture with weights other than those of a sparse mixer");
    }
    return read.sparseMixer();
  }

  private static MappingSpec phiMoe() {
    return MappingSpec.of(LlamaNames::norms, LlamaNames::attention, ExpertNames::sparse)
        .requireRopeBase()
        .rmsEpsilon(1e-5)
        .partialRope(1)
        .ropeKeys(Rope::putLongOfShortMagnitude)
        .check(
            config ->
                config.require(
                    "router_jitter_noise", value -> value.asDouble(0) == 0.01, "must be 0.01"))
        .keys(Llama::windowOrNone, ExpertNames::counts);
  }

  private static DecoderSpec smallThinker() {
    return DecoderSpec.of(
            rope(HALVES)
                .optionalWindow()
                .in(
                    params -> {
                      boolean windowed = params.window(0) > 0;
                      return l -> windowed && l % LAYERS_PER_FULL == 0;
                    },
                    (model, a) -> a.withoutRope().withWindow(0)))
        .feedForward(
            model -> {
              Experts experts =
                  MixtureSpec.of(SIGMOID, CHOSEN).gatedBy(ActivationKind.RELU).experts(model);
              return (layer, residPre) -> layer.mixture(experts, residPre);
            });
  }
}
