package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.alibi;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.architecture.decoder.FeedForwardSpec.plain;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;

import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.architecture.decoder.MixerSpec;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.BloomMapping;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.FalconMapping;
import dev.vidrio.model.huggingface.mapping.GptMapping;
import dev.vidrio.model.huggingface.mapping.GptMapping.Variant;
import dev.vidrio.model.huggingface.mapping.GptNeoxMapping;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.MptMapping;
import dev.vidrio.model.huggingface.mapping.OptMapping;
import java.util.List;

/** Decoders of GPT's shape: LayerNorm, mostly plain feed-forward blocks and biases. */
final class Gpt {
  private static final float BLOOM_MAX_BIAS = 8;

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // GPT-2 (Radford et al. 2019): learned positions, fused queries, keys and values.
          ArchitectureEntry.of("gpt2", "OpenAI", gpt2(noPe(), ActivationKind.GELU_TANH))
              .traits(Trait.LEARNED_POSITIONS)
              .directory(new GptMapping(Variant.GPT2), "GPT2LMHeadModel"),
          // StarCoder (arXiv 2305.06161): one key-value head (arXiv 1911.02150).
          ArchitectureEntry.of("starcoder", "BigCode", gpt2(noPe(), ActivationKind.GELU_TANH))
              .traits(Trait.LEARNED_POSITIONS)
              .directory(new GptMapping(Variant.STARCODER), "GPTBigCodeForCausalLM"),
          // OPT (arXiv 2205.01068) with norms before the sublayers.
          ArchitectureEntry.of("opt", "Meta, Mistral", gpt2(noPe(), ActivationKind.RELU))
              .traits(Trait.LEARNED_POSITIONS)
              .directory(new OptMapping(), "OPTForCausalLM"),
          // GPT-Neo (Black et al. 2021), TinyStories (arXiv 2305.07759): undivided scores, a window
          // in some layers.
          ArchitectureEntry.of(
                  "gpt_neo",
                  "EleutherAI",
                  gpt2(
                      AttentionSpec.uniform(model -> Attention.noPe(1))
                          .window(LayerRule.listed("attention.sliding_window_pattern")),
                      ActivationKind.GELU_TANH))
              .models("GPT-Neo, TinyStories")
              .traits(Trait.LEARNED_POSITIONS)
              .directory(new GptMapping(Variant.GPT_NEO), "GPTNeoForCausalLM"),
          // GPT-J (Wang and Komatsuzaki 2021): parallel blocks, adjacent RoPE pairs.
          ArchitectureEntry.of("gptj", "EleutherAI", parallel(rope(INTERLEAVED)))
              .directory(new GptMapping(Variant.GPT_J), "GPTJForCausalLM"),
          // Phi 1, 1.5 (arXiv 2309.05463) and 2: parallel blocks, RoPE on a part of each head,
          // biases everywhere.
          ArchitectureEntry.of("phi2", "Microsoft", parallel(rope(HALVES)))
              .models("Phi 1 to 2")
              .directory(phi2(), "PhiForCausalLM"),
          // GPT-NeoX (arXiv 2204.06745) and Pythia (arXiv 2304.01373): parallel blocks with two
          // norms, unless the file says otherwise.
          ArchitectureEntry.of(
                  "gptneox",
                  "EleutherAI",
                  layerNorm(rope(HALVES), plain(ActivationKind.GELU))
                      .block(
                          BlockOrder.choose(
                              model -> model.params().flag("use_parallel_residual", true),
                              BlockOrder.PARALLEL_TWO_NORMS,
                              BlockOrder.PRE_NORM)))
              .directory(new GptNeoxMapping(), "GPTNeoXForCausalLM"),
          // Falcon (arXiv 2311.16867): parallel blocks; in larger models attention has a norm of
          // its own.
          ArchitectureEntry.of(
                  "falcon",
                  "others",
                  layerNorm(rope(HALVES), plain(ActivationKind.GELU)).block(Gpt::falcon))
              .directory(new FalconMapping(), "FalconForCausalLM"),
          // StarCoder 2 (arXiv 2402.19173): windows, which files of llama.cpp leave out. CodeShell
          // (arXiv 2403.15747) has none.
          ArchitectureEntry.of("starcoder2", "BigCode", starCoder2())
              .directory(starCoder2Mapping(), "Starcoder2ForCausalLM"),
          ArchitectureEntry.of("codeshell", "others", starCoder2()),
          // BLOOM (arXiv 2211.05100): normalized embeddings, ALiBi.
          ArchitectureEntry.of(
                  "bloom",
                  "Hugging Face, BigScience",
                  layerNorm(alibi(model -> BLOOM_MAX_BIAS), plain(ActivationKind.GELU_TANH))
                      .embedding(Embedding.NORMALIZED))
              .directory(new BloomMapping(), "BloomForCausalLM"),
          // MPT (MosaicML 2023): ALiBi, exact GELU, no biases.
          ArchitectureEntry.of(
                  "mpt", "others", layerNorm(alibi(Gpt::maxBias), plain(ActivationKind.GELU)))
              .directory(new MptMapping(), "MPTForCausalLM", "MptForCausalLM"),
          // Jais (arXiv 2308.16149): ALiBi, SwiGLU, scores divided by d_h instead of its root
          // (arXiv 2203.03466). Files hold scaled embeddings.
          ArchitectureEntry.of(
              "jais",
              "others",
              layerNorm(
                  AttentionSpec.uniform(
                      model ->
                          Attention.noPe(1f / model.dimensions().dH())
                              .withAlibi(model.alibiSlopes(maxBias(model)))),
                  FeedForwardSpec.gated(ActivationKind.SILU))),
          // Jais 2: squared ReLU, biases.
          ArchitectureEntry.of("jais2", "others", squaredRelu())
              .directory(
                  MappingSpec.of(LlamaNames::norms, LlamaNames::attention, LlamaNames::plainFfn)
                      .activation("hidden_act", "relu2")
                      .layerNormEpsilon("layer_norm_eps"),
                  "Jais2ForCausalLM"),
          // Nemotron 4 (arXiv 2402.16819) and Minitron (arXiv 2407.14679): squared ReLU, RoPE on a
          // part of each head. Files hold gains of norms plus one.
          ArchitectureEntry.of("nemotron", "NVIDIA", squaredRelu())
              .models("Nemotron 4, Minitron")
              .directory(nemotron(), "NemotronForCausalLM"));

  private Gpt() {}

  private static DecoderSpec layerNorm(MixerSpec attention, FeedForwardSpec feedForward) {
    return DecoderSpec.of(attention).layerNorm().feedForward(feedForward);
  }

  private static DecoderSpec gpt2(AttentionSpec attention, ActivationKind activation) {
    return layerNorm(attention, plain(activation)).embedding(Embedding.WITH_POSITIONS);
  }

  private static DecoderSpec parallel(AttentionSpec attention) {
    return layerNorm(attention, plain(ActivationKind.GELU_TANH)).block(BlockOrder.PARALLEL);
  }

  private static DecoderSpec squaredRelu() {
    return layerNorm(rope(HALVES), plain(ActivationKind.SQUARED_RELU));
  }

  private static DecoderSpec starCoder2() {
    return layerNorm(rope(HALVES).optionalWindow(), plain(ActivationKind.GELU_TANH));
  }

  private static float maxBias(Transformer model) {
    return model.params().floatValue("attention.max_alibi_bias", 1e-3f, 1e3f);
  }

  private static BlockOrder.Writer falcon(Transformer model) {
    if (!model.weights().has("blk.0.attn_norm_2.weight")) {
      return BlockOrder.PARALLEL.of(model);
    }
    return (layer, x, mixer, ffn) ->
        layer.parallel(x, layer.ln1("attn_norm_2", x), mixer, layer.ln2("attn_norm", x), ffn);
  }

  private static MappingSpec phi2() {
    return MappingSpec.of(
            linear("input_layernorm", "attn_norm"),
            linear("self_attn.q_proj", "attn_q"),
            linear("self_attn.k_proj", "attn_k"),
            linear("self_attn.v_proj", "attn_v"),
            linear("self_attn.dense", "attn_output"),
            linear("mlp.fc1", "ffn_up"),
            linear("mlp.fc2", "ffn_down"))
        .activation("hidden_act", "gelu_new")
        .check(config -> config.requireOff("qk_layernorm"))
        .layerNormEpsilon("layer_norm_eps")
        .partialRope(0.5)
        .outside(
            (config, map) -> {
              map.take("model.embed_tokens.weight", "token_embd.weight");
              map.takeLinear("model.final_layernorm", "output_norm");
              LlamaNames.unembedding(map, config, "lm_head", false);
            });
  }

  private static MappingSpec starCoder2Mapping() {
    return MappingSpec.of(
            LlamaNames::norms,
            LlamaNames::attention,
            linear("mlp.c_fc", "ffn_up"),
            linear("mlp.c_proj", "ffn_down"))
        .activation("hidden_act", "gelu_pytorch_tanh")
        .layerNormEpsilon("norm_epsilon")
        .keys(CommonKeys.size("sliding_window", "attention.sliding_window"))
        .outside(LlamaNames::outsideTied);
  }

  private static MappingSpec nemotron() {
    return MappingSpec.of(
            norm("input_layernorm", "attn_norm"),
            norm("post_attention_layernorm", "ffn_norm"),
            LlamaNames::attention,
            LlamaNames::plainFfn)
        .activation("hidden_act", "relu2")
        .layerNormEpsilon("norm_eps")
        .partialRope(0.5)
        .outside(Gpt::nemotron);
  }

  private static LayerTensors norm(String from, String to) {
    return LayerTensors.all(
        LayerTensors.plusOne(from + ".weight", to + ".weight"),
        LayerTensors.tensor(from + ".bias", to + ".bias"));
  }

  private static void nemotron(Config config, TensorMap map) {
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takePlusOne("model.norm.weight", "output_norm.weight");
    map.take("model.norm.bias", "output_norm.bias");
    LlamaNames.unembedding(map, config, "lm_head", false);
  }
}
