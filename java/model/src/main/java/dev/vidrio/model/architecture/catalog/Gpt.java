package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.alibi;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.architecture.decoder.FeedForwardSpec.plain;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.ignored;
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
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.CommonKeys;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;

/** Decoders of GPT's shape: LayerNorm, mostly plain feed-forward blocks and biases. */
final class Gpt {
  private static final float BLOOM_MAX_BIAS = 8;

  /** Key-value heads are as many as query heads, whatever the configuration has. */
  private static final MappingSpec.KeyRule EQUAL_HEADS =
      (config, out) -> out.integer("attention.head_count_kv", heads(config));

  /** The epsilon of LayerNorm is a constant in transformers. */
  static final MappingSpec.KeyRule CONSTANT_EPSILON =
      (config, out) -> out.real("attention.layer_norm_epsilon", 1e-5);

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // GPT-2 (Radford et al. 2019): learned positions, fused queries, keys and values.
          ArchitectureEntry.of("gpt2", "OpenAI", gpt2(noPe(), ActivationKind.GELU_TANH))
              .traits(Trait.LEARNED_POSITIONS)
              .directory(fusedGpt(Layout.TRANSPOSED), "GPT2LMHeadModel"),
          // StarCoder (arXiv 2305.06161): one key-value head (arXiv 1911.02150).
          ArchitectureEntry.of("starcoder", "BigCode", gpt2(noPe(), ActivationKind.GELU_TANH))
              .traits(Trait.LEARNED_POSITIONS)
              .directory(
                  fusedGpt(Layout.AS_IS)
                      .on("multi_query")
                      .keys((config, out) -> out.integer("attention.head_count_kv", 1)),
                  "GPTBigCodeForCausalLM"),
          // OPT (arXiv 2205.01068) with norms before the sublayers.
          ArchitectureEntry.of("opt", "Meta, Mistral", gpt2(noPe(), ActivationKind.RELU))
              .traits(Trait.LEARNED_POSITIONS)
              .directory(opt(), "OPTForCausalLM"),
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
              .directory(gptNeo(), "GPTNeoForCausalLM"),
          // GPT-J (Wang and Komatsuzaki 2021): parallel blocks, adjacent RoPE pairs.
          ArchitectureEntry.of("gptj", "EleutherAI", parallel(rope(INTERLEAVED)))
              .directory(gptJ(), "GPTJForCausalLM"),
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
              .directory(gptNeox(), "GPTNeoXForCausalLM"),
          // Falcon (arXiv 2311.16867): parallel blocks; in larger models attention has a norm of
          // its own.
          ArchitectureEntry.of(
                  "falcon",
                  "others",
                  layerNorm(rope(HALVES), plain(ActivationKind.GELU)).block(Gpt::falcon))
              .directory(falconMapping(), "FalconForCausalLM"),
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
              .directory(bloom(), "BloomForCausalLM"),
          // MPT (MosaicML 2023): ALiBi, exact GELU, no biases.
          ArchitectureEntry.of(
                  "mpt", "others", layerNorm(alibi(Gpt::maxBias), plain(ActivationKind.GELU)))
              .directory(mpt(), "MPTForCausalLM", "MptForCausalLM"),
          // Jais (arXiv 2308.16149): ALiBi, SwiGLU, scores divided by d_h instead of its root
          // (arXiv 2203.03466). Files hold scaled embeddings.
          ArchitectureEntry.of(
              "jais",
              "others",
              layerNorm(
                  AttentionSpec.uniform(
                      model ->
                          Attention.noPe(1f / model.dimensions().dH())
                              .withBias(model.alibi(maxBias(model)))),
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
            LlamaNames.projections("self_attn.", "dense"),
            linear("mlp.fc1", "ffn_up"),
            linear("mlp.fc2", "ffn_down"))
        .activation("hidden_act", "gelu_new")
        .check(config -> config.requireOff("qk_layernorm"))
        .layerNormEpsilon("layer_norm_eps")
        .partialRope(0.5)
        .modules("embed_tokens", "final_layernorm", "layers.")
        .tied(false);
  }

  private static MappingSpec starCoder2Mapping() {
    return MappingSpec.of(
            LlamaNames::norms,
            LlamaNames::attention,
            linear("mlp.c_fc", "ffn_up"),
            linear("mlp.c_proj", "ffn_down"))
        .activation("hidden_act", "gelu_pytorch_tanh")
        .layerNormEpsilon("norm_epsilon")
        .keys(CommonKeys.optionalSize("sliding_window", "attention.sliding_window"))
        .tied(true);
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
        .finalNorm(
            (config, map, from, to) -> {
              LlamaNames.plusOne(config, map, from, to);
              map.take(from + ".bias", to + ".bias");
            })
        .tied(false);
  }

  private static LayerTensors norm(String from, String to) {
    return LayerTensors.all(
        LayerTensors.plusOne(from, to), LayerTensors.tensor(from + ".bias", to + ".bias"));
  }

  /** Returns the mapping that GPT-2 and models of its shape share. */
  private static MappingSpec gpt(String ffnWidth, LayerTensors... layer) {
    return MappingSpec.of(layer)
        .attributes(
            Map.of(
                "max_position_embeddings", List.of("n_positions", "n_ctx"),
                "hidden_size", List.of("n_embd"),
                "num_hidden_layers", List.of("n_layer", "num_layers"),
                "num_attention_heads", List.of("n_head", "num_heads")))
        .activation("activation_function", "gelu_new", "gelu_pytorch_tanh")
        .dimensions(fourfold(ffnWidth))
        .keys(EQUAL_HEADS)
        .layerNormEpsilon("layer_norm_epsilon")
        .noRope()
        .root("transformer.", "")
        .modules("wte", "ln_f", "h.")
        .tied(true);
  }

  private static MappingSpec.KeyRule fourfold(String ffnWidth) {
    return CommonKeys.dimensions(config -> config.size(ffnWidth, 4 * config.size("hidden_size")));
  }

  /**
   * Returns the mapping of GPT-2 or StarCoder.
   *
   * @param matrix layout of matrices, which GPT-2 has as inputs by outputs
   */
  private static MappingSpec fusedGpt(Layout matrix) {
    return gpt(
            "n_inner",
            linear("ln_1", "attn_norm"),
            linear("attn.c_attn", "attn_qkv", matrix),
            linear("attn.c_proj", "attn_output", matrix),
            linear("ln_2", "ffn_norm"),
            linear("mlp.c_fc", "ffn_up", matrix),
            linear("mlp.c_proj", "ffn_down", matrix),
            ignored("attn.bias", "attn.masked_bias")) // the causal mask
        .off("scale_attn_by_inverse_layer_idx")
        .on("scale_attn_weights")
        .tensors(Gpt::positions);
  }

  private static void positions(Config config, TensorMap model) {
    model.take("wpe.weight", "position_embd.weight");
  }

  private static MappingSpec gptNeo() {
    String attention = "attn.attention.";
    return gpt(
            "intermediate_size",
            linear("ln_1", "attn_norm"),
            LlamaNames.projections(attention, "out_proj"),
            linear("ln_2", "ffn_norm"),
            linear("mlp.c_fc", "ffn_up"),
            linear("mlp.c_proj", "ffn_down"),
            ignored(attention + "bias", attention + "masked_bias"))
        .keys(
            (config, out) ->
                out.integer("attention.sliding_window", config.size("window_size", 256))
                    .bools(
                        "attention.sliding_window_pattern",
                        config.perLayer("attention_layers", "local", "global").stream()
                            .map("local"::equals)
                            .toList()))
        .tensors(Gpt::positions);
  }

  private static MappingSpec gptJ() {
    return gpt(
            "n_inner",
            linear("ln_1", "attn_norm"),
            LlamaNames.projections("attn.", "out_proj"),
            linear("mlp.fc_in", "ffn_up"),
            linear("mlp.fc_out", "ffn_down"),
            ignored("attn.bias", "attn.masked_bias"))
        .keys(CommonKeys.size("rotary_dim", "rope.dimension_count"))
        .tied(false);
  }

  /** Returns the mapping of OPT. Its table of positions begins with two unused rows. */
  private static MappingSpec opt() {
    return MappingSpec.of(
            linear("self_attn_layer_norm", "attn_norm"),
            LlamaNames.projections("self_attn.", "out_proj"),
            linear("final_layer_norm", "ffn_norm"),
            linear("fc1", "ffn_up"),
            linear("fc2", "ffn_down"))
        .attributes(Map.of("intermediate_size", List.of("ffn_dim")))
        .activation("activation_function", "relu")
        .on("do_layer_norm_before")
        .off("_remove_final_layer_norm")
        .check(
            config -> {
              int d = config.size("hidden_size");
              config.require(
                  "word_embed_proj_dim",
                  value -> value.asInt(0) == d,
                  "embeddings are as wide as hidden_size " + d);
            })
        .epsilon(CONSTANT_EPSILON)
        .keys(EQUAL_HEADS)
        .noRope()
        .root("model.decoder.", "decoder.")
        .modules("embed_tokens", "final_layer_norm", "layers.")
        .tied(true)
        .tensors(
            (config, model) -> {
              int n = config.size("max_position_embeddings");
              Layout layout = Layout.rows(n + 2, n, row -> row + 2);
              model.take("embed_positions.weight", "position_embd.weight", layout);
            });
  }

  /** Takes the matrices of a layer with queries, keys and values adjacent per head. */
  private static LayerTensors fusedBlock(String attention, ToIntFunction<Config> kvHeads) {
    return LayerTensors.all(
        LlamaNames.fusedPerHead(attention + ".query_key_value", kvHeads),
        linear(attention + ".dense", "attn_output"),
        linear("mlp.dense_h_to_4h", "ffn_up"),
        linear("mlp.dense_4h_to_h", "ffn_down"));
  }

  private static int heads(Config config) {
    return config.size("num_attention_heads");
  }

  private static MappingSpec gptNeox() {
    return MappingSpec.of(
            LlamaNames::norms,
            fusedBlock("attention", Gpt::heads),
            ignored("attention.bias", "attention.masked_bias", "attention.rotary_emb.inv_freq"))
        .activation("hidden_act", "gelu")
        .layerNormEpsilon("layer_norm_eps")
        .keys(
            EQUAL_HEADS,
            (config, out) ->
                out.bool("use_parallel_residual", config.bool("use_parallel_residual", true)))
        .partialRope(0.25)
        .root("gpt_neox.")
        .modules("embed_in", "final_layer_norm", "layers.")
        .head("embed_out")
        .tied(false);
  }

  /**
   * Returns the mapping of Falcon. Fused projections have, per key-value head, its queries, its key
   * and its value; models of the first architecture have one key-value head, or as many as query
   * heads.
   */
  private static MappingSpec falconMapping() {
    return MappingSpec.of(
            LayerTensors.all(linear("ln_mlp", "attn_norm"), linear("ln_attn", "attn_norm_2"))
                .ifPresent("ln_mlp.weight", linear("input_layernorm", "attn_norm")),
            fusedBlock("self_attention", Gpt::falconKvHeads))
        .defaults(Map.of("max_position_embeddings", 2048))
        .activation("activation", "gelu")
        .off("alibi")
        .on("parallel_attn")
        .dimensions(fourfold("ffn_hidden_size"))
        .layerNormEpsilon("layer_norm_epsilon")
        .keys(
            // queries, then keys, then values
            (config, out) -> out.string("tensor_data_layout", "jploski"),
            (config, out) -> out.integer("attention.head_count_kv", falconKvHeads(config)))
        .root("transformer.")
        .modules("word_embeddings", "ln_f", "h.")
        .tied(true);
  }

  private static int falconKvHeads(Config config) {
    int heads = config.size("num_attention_heads");
    boolean one =
        !config.bool("new_decoder_architecture", false) && config.bool("multi_query", true);
    int kvHeads = one ? 1 : config.size("num_kv_heads", heads);
    if (heads % kvHeads != 0) {
      throw config.error(
          "num_kv_heads", Integer.toString(kvHeads), "must divide num_attention_heads " + heads);
    }
    return kvHeads;
  }

  private static MappingSpec bloom() {
    return MappingSpec.of(LlamaNames::norms, fusedBlock("self_attention", Gpt::heads))
        .attributes(
            Map.of(
                "hidden_size", List.of("n_embed"),
                "num_hidden_layers", List.of("n_layer"),
                "num_attention_heads", List.of("n_head")))
        .reading(config -> config.with("max_position_embeddings", config.size("seq_length", 2048)))
        .activation(config -> {})
        .off("apply_residual_connection_post_layernorm")
        .dimensions(CommonKeys.dimensions(config -> 4 * config.size("hidden_size")))
        .layerNormEpsilon("layer_norm_epsilon")
        .keys(EQUAL_HEADS)
        .noRope()
        .root("transformer.", "")
        .modules("word_embeddings", "ln_f", "h.")
        .tied(true)
        .tensors(
            (config, model) -> model.takeLinear("word_embeddings_layernorm", "token_embd_norm"));
  }

  /** Returns what the mappings of MosaicML's models share. */
  static MappingSpec mosaic(LayerTensors... layer) {
    return MappingSpec.of(layer)
        .attributes(
            Map.of(
                "max_position_embeddings", List.of("max_seq_len"),
                "hidden_size", List.of("d_model"),
                "num_hidden_layers", List.of("n_layers"),
                "num_attention_heads", List.of("n_heads")))
        .activation(config -> {})
        .keys(
            EQUAL_HEADS,
            (config, out) -> {
              Config attention = config.object("attn_config");
              CommonKeys.optionalSize("kv_n_heads", "attention.head_count_kv").put(attention, out);
              CommonKeys.optionalReal("clip_qkv", "attention.clamp_kqv").put(attention, out);
            })
        .root("transformer.")
        .modules("wte", "norm_f", "blocks.");
  }

  private static MappingSpec mpt() {
    return mosaic(
            linear("norm_1", "attn_norm"),
            linear("attn.Wqkv", "attn_qkv"),
            linear("attn.out_proj", "attn_output"),
            linear("norm_2", "ffn_norm"),
            linear("ffn.up_proj", "ffn_up"),
            linear("ffn.down_proj", "ffn_down"))
        .check(
            config -> {
              Config attention = config.object("attn_config");
              attention.requireOff("qk_ln");
              attention.requireOff("prefix_lm");
              attention.require("softmax_scale", value -> false, "scores are divided by √d_h");
            })
        .dimensions(
            CommonKeys.dimensions(
                config -> config.size("expansion_ratio", 4) * config.size("hidden_size")))
        .layerNormEpsilon("layer_norm_epsilon")
        .noRope()
        .keys(
            (config, out) -> {
              Config attention = config.object("attn_config");
              boolean alibi = attention.bool("alibi", true);
              out.real("attention.max_alibi_bias", alibi ? attention.real("alibi_bias_max", 8) : 0);
            })
        .tied(true)
        // without ALiBi
        .tensors((config, model) -> model.takeOptional("wpe.weight", "position_embd.weight"));
  }
}
