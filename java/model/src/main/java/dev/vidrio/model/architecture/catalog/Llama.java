package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SOFTMAX;
import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.architecture.decoder.FeedForwardSpec.plain;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Op.ActivationKind;
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
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.Xielu;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.GraniteNames;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import dev.vidrio.model.huggingface.mapping.SlidingWindow;
import dev.vidrio.model.huggingface.mapping.TextMapping;
import java.util.List;
import java.util.Map;

/**
 * Dense decoders of Llama's shape: RMSNorm or LayerNorm, RoPE or ALiBi, SwiGLU or a variant of it.
 */
final class Llama {
  private static final int LAYERS_PER_FULL = 4;

  /** Layers of the Baichuan model that has ALiBi; its files differ in nothing else. */
  private static final int BAICHUAN_13B_LAYERS = 40;

  private static final int EXAONE4_32B_LAYERS = 64;
  private static final int EXAONE4_32B_WINDOW = 4096;

  /** ALiBi's exponent in architectures without a key for it in their files. */
  private static final float MAX_ALIBI_BIAS = 8;

  /** RoPE on adjacent pairs, as in files converted from Llama's own checkpoints. */
  private static final DecoderSpec ADJACENT_PAIRS = DecoderSpec.of(rope(INTERLEAVED));

  private static final DecoderSpec HALF_PAIRS = DecoderSpec.of(rope(HALVES));

  private static final DecoderSpec ALIBI =
      DecoderSpec.of(AttentionSpec.alibi(model -> MAX_ALIBI_BIAS));

  /** Checkpoints with queries and keys to reorder so that RoPE pairs are adjacent. */
  static final MappingSpec REORDERED =
      MappingSpec.of(LlamaNames::norms, LlamaNames::interleavedAttention, LlamaNames::gatedFfn);

  /** Checkpoints with tensors that are taken as they are. */
  static final MappingSpec PLAIN =
      MappingSpec.of(LlamaNames::norms, LlamaNames::attention, LlamaNames::gatedFfn);

  private static final MappingSpec LLAMA =
      REORDERED
          .layer(
              LlamaNames::norms,
              LlamaNames::interleavedAttention,
              LayerTensors.all(ExpertNames::sparse)
                  .or((config, l) -> config.has("num_local_experts"), LlamaNames::gatedFfn))
          .keys(Llama::windowAndExperts);

  private static final MappingSpec COHERE =
      MappingSpec.of(
              tensor("input_layernorm.weight", "attn_norm.weight"),
              LlamaNames::attention,
              LlamaNames::gatedFfn)
          .check(config -> config.requireOneOf("position_embedding_type", "rope_gptj"))
          .check(config -> config.requireOneOf("order_of_interleaved_layers", "local_attn_first"))
          .on("use_parallel_block", "use_gated_activation")
          .requireRopeBase()
          .layerNormEpsilon("layer_norm_eps")
          .keys((config, out) -> out.real("logit_scale", config.real("logit_scale", 0.0625)))
          .tied(true)
          // Configurations also have the context of the first training stage.
          .keys(CommonKeys.optionalSize("model_max_length", "context_length"));

  private static final MappingSpec GLM =
      MappingSpec.of(
              LlamaNames::norms,
              LlamaNames::attention,
              linear("mlp.gate_up_proj", "ffn_up"),
              linear("mlp.down_proj", "ffn_down"))
          .rmsEpsilon(1.5625e-7)
          .rope(
              config -> {
                Rope rope = Rope.of(config, 0.5);
                rope.scaling()
                    .require("mrope_section", value -> false, "text models have no M-RoPE");
                return rope;
              });

  private static final MappingSpec OLMO2 =
      MappingSpec.of(
          LlamaNames::attention,
          LlamaNames::gatedFfn,
          LlamaNames::queryKeyNorms,
          tensor("post_attention_layernorm.weight", "post_attention_norm.weight"),
          tensor("post_feedforward_layernorm.weight", "post_ffw_norm.weight"));

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // Llama (arXiv 2302.13971; grouped-query attention: arXiv 2307.09288), Mistral with a
          // sliding window (arXiv 2310.06825), Mixtral with experts (arXiv 2401.04088). Llama 3's
          // RoPE scaling is a tensor of divisors.
          ArchitectureEntry.of("llama", "Meta, Mistral", llama())
              .models("1 to 3.x, Mistral, Mixtral, InternLM 3")
              .directory(LLAMA, "IQuestCoderForCausalLM")
              .directory(
                  LLAMA.rope(config -> Rope.of(config).withoutDynamicScaling()),
                  "InternLM3ForCausalLM")
              .directory(LLAMA, "LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM")
              .directory(
                  config -> isText(config, "mistral"),
                  new TextMapping(LLAMA),
                  "Mistral3ForConditionalGeneration"),
          // CWM (Meta 2025): Llama with a window in some layers.
          ArchitectureEntry.of("cwm", "Meta, Mistral", llama())
              .directory(
                  REORDERED.rmsEpsilon(1e-5).requireRopeBase().keys(SlidingWindow::putTypes),
                  "CwmForCausalLM"),
          // Ministral 3 (Mistral AI 2025): queries grow with the position beyond the context before
          // YaRN.
          ArchitectureEntry.of(
                  "mistral3",
                  "Meta, Mistral",
                  DecoderSpec.of(
                      noPe()
                          .change(
                              (model, a) -> {
                                RopeReader rope = model.rope(INTERLEAVED);
                                return a.withRope(rope.scaled(), rope.temperature());
                              })))
              .models("Ministral 3")
              .directory(mistral3(), "Ministral3ForCausalLM")
              .directory(
                  config -> isText(config, "ministral3"),
                  new TextMapping(mistral3()),
                  "Mistral3ForConditionalGeneration"),
          // SmolLM3: each fourth layer has no positional encoding (arXiv 2501.18795).
          ArchitectureEntry.of(
                  "smollm3",
                  "Hugging Face, BigScience",
                  DecoderSpec.of(
                      rope(INTERLEAVED).noPe(params -> l -> (l + 1) % LAYERS_PER_FULL == 0)))
              .directory(REORDERED.check(Llama::checkSmolLm3), "SmolLM3ForCausalLM"),
          // Arcee's AFM: plain feed-forward blocks of squared ReLU.
          ArchitectureEntry.of(
                  "arcee", "others", ADJACENT_PAIRS.feedForward(plain(ActivationKind.SQUARED_RELU)))
              .directory(
                  REORDERED
                      .layer(
                          LlamaNames::norms, LlamaNames::interleavedAttention, LlamaNames::plainFfn)
                      .activation("hidden_act", "relu2")
                      .rmsEpsilon(1e-5),
                  "ArceeForCausalLM"),
          // Apertus (arXiv 2509.14233): normalized queries and keys, plain feed-forward blocks of
          // xIELU. GGUF has its parameters as keys.
          ArchitectureEntry.of(
                  "apertus",
                  "others",
                  DecoderSpec.of(rope(HALVES).queryKeyNorm(QueryKeyNorm.PER_HEAD))
                      .feedForward(
                          model ->
                              (layer, residPre) ->
                                  layer.plainFfn(
                                      Xielu.read(
                                          model.params(),
                                          layer.index(),
                                          model.dimensions().layers()))))
              .directory(
                  MappingSpec.of(
                          linear("attention_layernorm", "attn_norm"),
                          linear("feedforward_layernorm", "ffn_norm"),
                          LlamaNames::attention,
                          LlamaNames::plainFfn,
                          LlamaNames::queryKeyNorms)
                      .activation("hidden_act", "xielu")
                      .rmsEpsilon(1e-5)
                      .requireRopeBase()
                      .tensorKeys(Llama::xielu),
                  "ApertusForCausalLM"),
          // InternLM 2 (arXiv 2403.17297).
          ArchitectureEntry.of("internlm2", "others", ADJACENT_PAIRS),
          ArchitectureEntry.of("xverse", "others", ADJACENT_PAIRS)
              .directory(REORDERED, "XverseForCausalLM"),
          // Baichuan (arXiv 2309.10305): RoPE with 7 billion parameters, ALiBi with 13 billion.
          ArchitectureEntry.of(
              "baichuan",
              "others",
              (params, weights) ->
                  (ModelDimensions.layers(params, 0) == BAICHUAN_13B_LAYERS
                          ? ALIBI
                          : ADJACENT_PAIRS)
                      .read(params, weights)),
          // Refact (Small Magellanic Cloud AI 2023): ALiBi instead of RoPE.
          ArchitectureEntry.of("refact", "others", ALIBI),
          // ERNIE 4.5 without experts (Baidu 2025), Helium (Kyutai 2025).
          ArchitectureEntry.of("ernie4_5", "others", ADJACENT_PAIRS)
              .models("also Helium")
              .directory(PLAIN.rmsEpsilon(1e-5).requireRopeBase(), "Ernie4_5ForCausalLM")
              .directory(PLAIN.rmsEpsilon(1e-8).requireRopeBase(), "HeliumForCausalLM"),
          // ChatGLM 2 and 3, GLM-4 (arXiv 2406.12793): RoPE on a part of each head.
          ArchitectureEntry.of("chatglm", "Z.ai", ADJACENT_PAIRS)
              .models("ChatGLM 2 and 3, GLM-4 9B")
              .directory(GLM, "GlmForCausalLM"),
          // GLM-4 0414: norms after the sublayers too.
          ArchitectureEntry.of("glm4", "Z.ai", ADJACENT_PAIRS.block(BlockOrder.SANDWICH))
              .models("GLM-4 0414")
              .traits(Trait.SANDWICH_NORM)
              .directory(
                  GLM.and(tensor("post_self_attn_layernorm.weight", "post_attention_norm.weight"))
                      .and(tensor("post_mlp_layernorm.weight", "post_ffw_norm.weight")),
                  "Glm4ForCausalLM"),
          // HyperCLOVA X Think (arXiv 2506.22403): Granite's constants, and norms after the
          // sublayers where the file has them.
          ArchitectureEntry.of(
                  "hyperclovax",
                  "others",
                  HALF_PAIRS
                      .embedding(Embedding.scaled(Scales::embedding))
                      .block(Llama::scaledSandwich)
                      .unembedding(Unembedding.scaled(Scales::logits)))
              .models("Think")
              .traits(Trait.SANDWICH_NORM)
              .directory(
                  PLAIN
                      .keys(Llama::hyperClovaScales)
                      .and(
                          LayerTensors.all(
                                  tensor("post_norm1.weight", "post_attention_norm.weight"),
                                  tensor("post_norm2.weight", "post_ffw_norm.weight"))
                              .when((config, l) -> config.bool("use_post_norm", true))),
                  "HyperCLOVAXForCausalLM"),
          // OLMo (arXiv 2402.00838): LayerNorm without gain and bias, clamped projections in some
          // models.
          ArchitectureEntry.of(
                  "olmo",
                  "Ai2",
                  DecoderSpec.of(rope(INTERLEAVED).clamped()).layerNorm().withoutGains())
              .directory(
                  MappingSpec.of(LlamaNames::interleavedAttention, LlamaNames::gatedFfn)
                      .epsilon(Gpt.CONSTANT_EPSILON)
                      .keys(CommonKeys.optionalReal("clip_qkv", "attention.clamp_kqv"))
                      .withoutFinalNorm()
                      .tied(false),
                  "OlmoForCausalLM"),
          // OLMo 2 (arXiv 2501.00656) and 3 (arXiv 2512.13961): norms after the sublayers,
          // normalized queries and keys; in OLMo 3 three layers of four have a window and unscaled
          // RoPE.
          ArchitectureEntry.of("olmo2", "Ai2", olmo2())
              .models("2 and 3")
              .directory(
                  OLMO2.keys(
                      (config, out) -> {
                        if (config.has("sliding_window")) {
                          SlidingWindow.put(config, out, LAYERS_PER_FULL);
                        }
                      }),
                  "Olmo2ForCausalLM",
                  "Olmo3ForCausalLM"),
          // EXAONE 3 and 3.5 (arXiv 2408.03541, 2412.04862).
          ArchitectureEntry.of("exaone", "LG", HALF_PAIRS)
              .models("3")
              .directory(exaone(), "ExaoneForCausalLM"),
          // EXAONE 4 (arXiv 2507.11407): norms after the sublayers; the 32B model has a window in
          // three layers of four, and no positional encoding in the others.
          ArchitectureEntry.of("exaone4", "LG", exaone4())
              .directory(OLMO2.rmsEpsilon(1e-5).keys(Llama::exaone4Window), "Exaone4ForCausalLM"),
          ArchitectureEntry.of("pangu-embedded", "others", HALF_PAIRS),
          // Seed-OSS (ByteDance 2025).
          ArchitectureEntry.of(
                  "seed_oss", "others", HALF_PAIRS.block(BlockOrder.preNorm("post_attention_norm")))
              .directory(
                  MappingSpec.of(
                      linear("input_layernorm", "attn_norm"),
                      linear("post_attention_layernorm", "post_attention_norm"),
                      LlamaNames::attention,
                      LlamaNames::gatedFfn),
                  "SeedOssForCausalLM"),
          // Orion 14B (arXiv 2401.12246): LayerNorm with an epsilon named after RMSNorm.
          ArchitectureEntry.of("orion", "others", HALF_PAIRS.layerNorm())
              .directory(PLAIN.layerNormEpsilon("rms_norm_eps"), "OrionForCausalLM"),
          // StableLM (arXiv 2402.17834): LayerNorm; parallel blocks where there is no second norm,
          // even if files with one call themselves parallel. StableLM 2 12B normalizes queries and
          // keys.
          ArchitectureEntry.of(
                  "stablelm",
                  "others",
                  DecoderSpec.of(optionalHeadNorms(rope(HALVES)))
                      .layerNorm()
                      .block(
                          BlockOrder.choose(
                              model ->
                                  model.weights().has("blk.0.ffn_norm.weight")
                                      || !model.params().flag("use_parallel_residual", true),
                              BlockOrder.PRE_NORM,
                              BlockOrder.PARALLEL)))
              .directory(
                  MappingSpec.of(
                          linear("input_layernorm", "attn_norm"),
                          // Parallel blocks have no second norm.
                          linear("post_attention_layernorm", "ffn_norm")
                              .ifPresent("post_attention_layernorm.weight", LayerTensors.all()),
                          LlamaNames::attention,
                          LlamaNames::gatedFfn,
                          LayerTensors.all(Llama::stackedHeadNorms)
                              .when((config, l) -> config.bool("qk_layernorm", false)))
                      .layerNormEpsilon("layer_norm_eps", "norm_eps")
                      .keys(
                          (config, out) ->
                              out.bool(
                                  "use_parallel_residual",
                                  config.bool("use_parallel_residual", false)))
                      .partialRope(0.25),
                  "StableLmForCausalLM"),
          // PLaMo 13B (Preferred Networks 2023): parallel blocks.
          ArchitectureEntry.of("plamo", "others", HALF_PAIRS.block(BlockOrder.PARALLEL)),
          // PLaMo 3 (Preferred Networks 2025): Gemma 3 with SwiGLU, unscaled embeddings, and a
          // window in seven layers of eight.
          ArchitectureEntry.of("plamo3", "others", plamo3()).traits(Trait.SANDWICH_NORM),
          // Phi 3 (arXiv 2404.14219) and Phi 4 mini: fused projections, LongRoPE.
          ArchitectureEntry.of("phi3", "Microsoft", phi3Decoder())
              .models("3 and 4")
              .directory(phi3(), "Phi3ForCausalLM"),
          // BitNet b1.58 (arXiv 2402.17764): ternary weights of any type, norms before the output
          // projections. Gates are SiLU in the first models, squared ReLU in 2B4T (arXiv
          // 2504.12285).
          ArchitectureEntry.of("bitnet", "Microsoft", bitnet(ActivationKind.SILU))
              .models("BitNet b1.58")
              .traits(Trait.ATTENTION_OUTPUT_NORM)
              .directory(
                  config -> config.string("hidden_act", "relu2").equals("silu"),
                  bitnet("silu"),
                  "BitNetForCausalLM"),
          ArchitectureEntry.of("bitnet-b1.58", "Microsoft", bitnet(ActivationKind.SQUARED_RELU))
              .models("2B4T")
              .traits(Trait.ATTENTION_OUTPUT_NORM)
              .directory(
                  config -> !config.string("hidden_act", "relu2").equals("silu"),
                  bitnet("relu2"),
                  "BitNetForCausalLM"),
          // Hunyuan (Tencent 2025): queries and keys are normalized after RoPE. Maincoder has
          // adjacent pairs.
          ArchitectureEntry.of(
                  "hunyuan-dense", "Tencent", DecoderSpec.of(Hunyuan.attention(HALVES)))
              .directory(
                  Hunyuan.MAPPING.and(LlamaNames::gatedFfn).and(Hunyuan.HEAD_NORMS),
                  "HunYuanDenseV1ForCausalLM"),
          ArchitectureEntry.of(
              "maincoder", "others", DecoderSpec.of(Hunyuan.attention(INTERLEAVED))),
          // nanochat (Karpathy 2025): norms without gains, one of them after the embedding; RoPE
          // rotates in the opposite direction; capped logits.
          ArchitectureEntry.of("nanochat", "others", nanoChat())
              .directory(nanoChatMapping(), "NanoChatForCausalLM"),
          // OpenELM (arXiv 2404.14619): layers differ in heads and width.
          ArchitectureEntry.of(
              "openelm",
              "others",
              HeterogeneousLayers.spec(rope(HALVES).queryKeyNorm(QueryKeyNorm.PER_HEAD))),
          // DeciLM and Llama Nemotron (arXiv 2411.19146): layers may have a linear map instead of
          // attention, or lack a sublayer.
          ArchitectureEntry.of("deci", "NVIDIA", HeterogeneousLayers.spec(rope(INTERLEAVED)))
              .models("Llama Nemotron Super and Ultra, DeciLM")
              .traits(Trait.LAYERS_WITHOUT_ATTENTION),
          // Command R (Cohere 2024) and Aya 23 (arXiv 2405.15032): parallel blocks, LayerNorm
          // without a bias, scaled logits. Command R+ normalizes queries and keys.
          ArchitectureEntry.of(
                  "command-r",
                  "Cohere",
                  DecoderSpec.of(optionalHeadNorms(rope(INTERLEAVED)))
                      .layerNorm()
                      .block(BlockOrder.PARALLEL)
                      .unembedding(Unembedding.scaled(Scales::logits)))
              .directory(
                  COHERE.and(
                      LayerTensors.all(LlamaNames::queryKeyNorms)
                          .when((config, l) -> config.bool("use_qk_norm", false))),
                  "CohereForCausalLM"),
          // Command R7B and Command A (arXiv 2504.00698): a window in three layers of four, no
          // positional encoding in the others.
          ArchitectureEntry.of(
                  "cohere2",
                  "Cohere",
                  DecoderSpec.of(
                          rope(INTERLEAVED)
                              .window(LayerRule.sliding(LAYERS_PER_FULL))
                              .noPe(LayerRule.sliding(LAYERS_PER_FULL).not()))
                      .layerNorm()
                      .block(BlockOrder.PARALLEL)
                      .unembedding(Unembedding.scaled(Scales::requiredLogits)))
              .models("Command R7B, A")
              .directory(
                  COHERE
                      .off("use_qk_norm")
                      .check(config -> config.requireNumber("layer_switch", LAYERS_PER_FULL))
                      .keys(SlidingWindow.every(LAYERS_PER_FULL)),
                  "Cohere2ForCausalLM"));

  private Llama() {}

  private static DecoderSpec llama() {
    return DecoderSpec.of(
            rope(INTERLEAVED)
                .in(
                    LayerRule.listed("attention.sliding_window_pattern"),
                    (model, a) -> a.withWindow(model.params().window(0))))
        .feedForward(MixtureSpec.of(SOFTMAX, CHOSEN).orDense());
  }

  private static void windowAndExperts(Config config, MetadataBuilder out) {
    CommonKeys.optionalSize("sliding_window", "attention.sliding_window").put(config, out);
    if (config.has("num_local_experts")) {
      out.integer("expert_count", config.size("num_local_experts"))
          .integer("expert_used_count", config.size("num_experts_per_tok"));
    }
  }

  /** Returns whether the text decoder of a Mistral 3 model is of a type. */
  static boolean isText(Config config, String type) {
    return config.object("text_config").string("model_type", "").equals(type);
  }

  private static MappingSpec mistral3() {
    return REORDERED
        .rmsEpsilon(1e-5)
        .check(config -> config.require("sliding_window", value -> false, "must be null"))
        .keys(
            (config, out) -> {
              Rope rope = Rope.of(config);
              if (!rope.type().equals("yarn")) {
                throw rope.unsupported("yarn");
              }
              out.real("attention.temperature_scale", rope.scaling().real("llama_4_scaling_beta"));
            });
  }

  /** Rejects other layers without RoPE than each fourth, which the file format has no key for. */
  private static void checkSmolLm3(Config config) {
    String expected = "each fourth layer must be without RoPE";
    config.requireOff("use_sliding_window");
    config.requirePerLayer("no_rope_layers", l -> (l + 1) % LAYERS_PER_FULL == 0 ? 0 : 1, expected);
    config.require("no_rope_layer_interval", value -> value.asInt(0) == LAYERS_PER_FULL, expected);
  }

  private static void xielu(Config config, CheckpointMap map, MetadataBuilder out) {
    for (String name : List.of("alpha_p", "alpha_n", "beta", "eps")) {
      var values = new float[config.size("num_hidden_layers")];
      for (int l = 0; l < values.length; l++) {
        values[l] = map.number("model.layers." + l + ".mlp.act_fn." + name);
      }
      out.reals("xielu." + name, values);
    }
  }

  /** Pre-norm blocks with scaled residual additions, and norms after the sublayers if present. */
  private static BlockOrder.Writer scaledSandwich(Transformer model) {
    boolean sandwich = model.weights().has("blk.0.post_ffw_norm.weight");
    Sublayer scale = Scales.residual(model);
    return (layer, x, mixer, ffn) -> {
      Sublayer attend = sandwich ? layer.ln1Post("post_attention_norm", mixer) : mixer;
      Sublayer feed = sandwich ? layer.ln2Post("post_ffw_norm", ffn) : ffn;
      return layer.preNorm(x, attend.then("unscaled", scale), feed.then("unscaled", scale));
    };
  }

  private static void hyperClovaScales(Config config, MetadataBuilder out) {
    GraniteNames.scales(config, out, 1 / Math.sqrt(CommonKeys.headWidth(config)));
  }

  /** Returns OLMo 2's decoder, with unscaled RoPE in layers with a window. */
  static DecoderSpec olmo2() {
    return DecoderSpec.of(
            rope(HALVES)
                .queryKeyNorm(QueryKeyNorm.ALL_HEADS)
                .in(
                    LayerRule.sliding(LAYERS_PER_FULL).when(params -> params.window(0) > 0),
                    (model, a) ->
                        a.withRope(model.rope(HALVES).unscaled("rope.freq_base", 10000f))
                            .withWindow(model.params().window(0))))
        .block(BlockOrder.POST_NORM);
  }

  private static DecoderSpec exaone4() {
    LayerRule sliding = LayerRule.sliding(LAYERS_PER_FULL);
    return DecoderSpec.of(
            rope(HALVES)
                .queryKeyNorm(QueryKeyNorm.PER_HEAD)
                .in(sliding, (model, a) -> a.withWindow(exaone4Window(model.params())))
                .noPe(sliding.not().when(params -> exaone4Window(params) > 0)))
        .block(BlockOrder.POST_NORM);
  }

  /** Files of the large model may leave its window out. */
  private static int exaone4Window(Hyperparameters params) {
    boolean large = ModelDimensions.layers(params, 0) == EXAONE4_32B_LAYERS;
    return params.window(large ? EXAONE4_32B_WINDOW : 0);
  }

  private static void exaone4Window(Config config, MetadataBuilder out) {
    if (config.has("sliding_window")) {
      SlidingWindow.put(config, out, LAYERS_PER_FULL);
    } else if (config.isNull("sliding_window")) {
      out.integer("attention.sliding_window", 0); // without the key, a large model has one
    } else {
      throw config.error("sliding_window", "", "is missing");
    }
  }

  /** Normalizes queries and keys, each head with gains of its own, if the file has the norms. */
  private static AttentionSpec optionalHeadNorms(AttentionSpec attention) {
    return attention.change(
        (model, a) ->
            a.withQueryKeyNorm(
                model.weights().has("blk.0.attn_q_norm.weight")
                    ? QueryKeyNorm.PER_HEAD_OWN_GAIN
                    : QueryKeyNorm.NONE));
  }

  private static void stackedHeadNorms(Config config, TensorMap layer, int index) {
    int heads = config.size("num_attention_heads");
    layer.takeStacked("self_attn.q_layernorm.norms.%d.weight", heads, "attn_q_norm.weight");
    layer.takeStacked(
        "self_attn.k_layernorm.norms.%d.weight", CommonKeys.kvHeads(config), "attn_k_norm.weight");
  }

  /** Returns the mapping of EXAONE 3, which is that of Llama with other names. */
  private static MappingSpec exaone() {
    return MappingSpec.of(
            linear("ln_1", "attn_norm"),
            linear("ln_2", "ffn_norm"),
            LlamaNames.projections("attn.attention.", "out_proj"),
            linear("mlp.c_fc_0", "ffn_gate"),
            linear("mlp.c_fc_1", "ffn_up"),
            linear("mlp.c_proj", "ffn_down"),
            LayerTensors.ignored("attn.attention.rotary.inv_freq"))
        .attributes(
            Map.of(
                "num_hidden_layers", List.of("num_layers"),
                "rms_norm_eps", List.of("layer_norm_epsilon")))
        .activation("activation_function", "silu")
        .rmsEpsilon(1e-5)
        .root("transformer.")
        .modules("wte", "ln_f", "h.");
  }

  private static DecoderSpec plamo3() {
    return DecoderSpec.of(
            noPe()
                .queryKeyNorm(QueryKeyNorm.PER_HEAD)
                .change((model, a) -> a.withRope(model.rope(HALVES).withoutRounding().scaled()))
                .in(
                    LayerRule.sliding(8).and(params -> params.window(0) > 0),
                    (model, a) ->
                        a.withRope(model.rope(HALVES).unscaled("rope.freq_base_swa", 10000f))
                            .withWindow(model.params().window(0))))
        .block(BlockOrder.SANDWICH);
  }

  /** Returns Phi 3's decoder, with other divisors of RoPE frequencies in long contexts. */
  static DecoderSpec phi3Decoder() {
    return DecoderSpec.of(
            noPe()
                .change((model, a) -> a.withRope(model.rope(HALVES).scaledIn("short")))
                .optionalWindow())
        .longRope(model -> model.rope(HALVES).scaledIn("long"));
  }

  /** Adds the key of the window, 0 for none. */
  static void windowOrNone(Config config, MetadataBuilder out) {
    out.integer("attention.sliding_window", config.size("sliding_window", 0));
  }

  private static MappingSpec phi3() {
    return MappingSpec.of(
            LlamaNames::norms,
            linear("self_attn.qkv_proj", "attn_qkv"),
            LlamaNames::output,
            linear("mlp.gate_up_proj", "ffn_up"),
            linear("mlp.down_proj", "ffn_down"))
        .partialRope(1)
        .ropeKeys(Rope::putLong)
        .keys(Llama::windowOrNone);
  }

  private static DecoderSpec bitnet(ActivationKind gate) {
    return DecoderSpec.of(rope(HALVES).output(OutputTransform.NORM))
        .feedForward(FeedForwardSpec.each(layer -> layer.subNormalizedFfn(gate)));
  }

  private static MappingSpec bitnet(String activation) {
    return PLAIN
        .activation("hidden_act", activation)
        .rmsEpsilon(1e-5)
        .requireRopeBase()
        .and(tensor("self_attn.attn_sub_norm.weight", "attn_sub_norm.weight"))
        .and(tensor("mlp.ffn_sub_norm.weight", "ffn_sub_norm.weight"));
  }

  private static DecoderSpec nanoChat() {
    return DecoderSpec.of(
            noPe()
                .queryKeyNorm(QueryKeyNorm.PER_HEAD_AFTER_ROPE_NO_GAIN)
                .change((model, a) -> a.withRope(model.rope(HALVES).scaled().negated())))
        .withoutGains()
        .embedding(Embedding.NORMALIZED)
        .feedForward(plain(ActivationKind.SQUARED_RELU))
        .unembedding(Unembedding.capped(15));
  }

  private static MappingSpec nanoChatMapping() {
    String cap = "final_logit_softcapping";
    return MappingSpec.of(
            LlamaNames::attention, linear("mlp.fc1", "ffn_up"), linear("mlp.fc2", "ffn_down"))
        .activation("hidden_act", "relu2")
        .keys((config, out) -> out.real(cap, config.isNull(cap) ? 0 : config.real(cap, 15)))
        .withoutFinalNorm()
        .tied(false);
  }
}
