package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.Rotation.Pairs.HALVES;
import static dev.vidrio.kernel.op.Rotation.Pairs.INTERLEAVED;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.alibi;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.distanceBiases;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.noPe;
import static dev.vidrio.model.architecture.decoder.AttentionSpec.rope;
import static dev.vidrio.model.architecture.decoder.FeedForwardSpec.gated;
import static dev.vidrio.model.architecture.decoder.FeedForwardSpec.plain;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.Embedding;
import dev.vidrio.model.architecture.decoder.EncoderSpec;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.LayerRule;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.LayerTensors;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.stream.IntStream;
import tools.jackson.databind.JsonNode;

/** Encoders: models with bidirectional attention, which embed or classify texts. */
final class Encoders {
  private static final float JINA_MAX_BIAS = 8;

  /** Rows of MPNet's table of positions before that of the first position. */
  private static final int MPNET_UNUSED_POSITIONS = 2;

  /** One of three layers of ModernBERT, the first included, attends to all positions. */
  private static final int MODERN_PERIOD = 3;

  static final List<ArchitectureEntry> ENTRIES =
      List.of(
          // BERT (arXiv 1810.04805), RoBERTa (arXiv 1907.11692) and XLM-R (arXiv 1911.02116). The
          // tables of positions of RoBERTa and XLM-R begin with unused rows.
          ArchitectureEntry.of(
                  "bert", "Google", EncoderSpec.postNorm(noPe(), plain(ActivationKind.GELU)))
              .models("BERT, RoBERTa, XLM-R, DistilBERT; E5, BGE, MiniLM")
              .traits(Trait.ENCODER, Trait.LEARNED_POSITIONS)
              .directory(bert("", "bert."), "BertModel", "BertForMaskedLM")
              .directory(
                  bert("bert.").outside(pooledClassifier("bert.")), "BertForSequenceClassification")
              .directory(distilBert("", "distilbert."), "DistilBertModel", "DistilBertForMaskedLM")
              .directory(
                  roberta("", "roberta."),
                  "RobertaModel",
                  "RobertaForMaskedLM",
                  "XLMRobertaModel",
                  "XLMRobertaForMaskedLM",
                  "CamembertModel")
              .directory(
                  roberta("roberta.").outside(Encoders::classifier),
                  "RobertaForSequenceClassification",
                  "XLMRobertaForSequenceClassification"),
          // MPNet (arXiv 2004.09297): BERT with biases of distances that all layers share.
          ArchitectureEntry.of(
                  "mpnet",
                  "Microsoft",
                  EncoderSpec.postNorm(distanceBiases(), plain(ActivationKind.GELU)))
              .traits(Trait.ENCODER, Trait.LEARNED_POSITIONS)
              .directory(mpnet("", "mpnet."), "MPNetModel", "MPNetForMaskedLM")
              .directory(
                  mpnet("mpnet.").outside(Encoders::classifier), "MPNetForSequenceClassification"),
          // Nomic Embed 1 and 1.5 (arXiv 2402.01613): RoPE, SwiGLU, no biases.
          ArchitectureEntry.of(
                  "nomic-bert",
                  "Nomic AI",
                  EncoderSpec.postNorm(rope(HALVES), gated(ActivationKind.SILU)))
              .traits(Trait.ENCODER),
          // ModernBERT (arXiv 2412.13663): pre-norm, windows with a RoPE base of their own, GeGLU.
          ArchitectureEntry.of(
                  "modern-bert",
                  "Answer.AI, LightOn",
                  new EncoderSpec(
                      Embedding.NORMALIZED_SUM,
                      modernAttention(),
                      NormKind.LAYER,
                      modernBlock(),
                      FeedForwardSpec.each(layer -> layer.gatedFfn(ActivationKind.GELU)),
                      "output_norm"))
              .traits(Trait.ENCODER)
              .directory(modern("", "model."), "ModernBertModel", "ModernBertForMaskedLM")
              .directory(
                  modern("model.").outside(Encoders::modernClassifier),
                  "ModernBertForSequenceClassification"),
          // Jina Embeddings 2 (arXiv 2310.19923): ALiBi on both sides, GeGLU or a plain block.
          ArchitectureEntry.of(
                  "jina-bert-v2",
                  "Jina AI",
                  new EncoderSpec(
                      Embedding.NORMALIZED_SUM,
                      alibi(model -> JINA_MAX_BIAS),
                      NormKind.LAYER,
                      EncoderSpec.NORMALIZED_SUMS,
                      Encoders::jinaFeedForward,
                      null))
              .traits(Trait.ENCODER),
          // GTE 1.5 and multilingual (arXiv 2407.19669): RoPE, GeGLU. Its linear factor is first in
          // directories.
          ArchitectureEntry.of(
                  "gte", "Alibaba", EncoderSpec.postNorm(rope(HALVES), gated(ActivationKind.GELU)))
              .models("GTE 1.5, mGTE")
              .traits(Trait.ENCODER)
              .directory(
                  gte("", "new.", "gte."),
                  "NewModel",
                  "NewForMaskedLM",
                  "GteModel",
                  "GteForMaskedLM")
              .directory(
                  gte("new.").outside(pooledClassifier("new.")), "NewForSequenceClassification")
              .directory(
                  gte("gte.").outside(pooledClassifier("gte.")), "GteForSequenceClassification"),
          // NeoBERT (arXiv 2502.19587): pre-norm with RMSNorm, adjacent RoPE pairs, SwiGLU.
          ArchitectureEntry.of(
                  "neo-bert",
                  "others",
                  new EncoderSpec(
                      Embedding.NORMALIZED_SUM,
                      rope(INTERLEAVED),
                      NormKind.RMS,
                      BlockOrder.PRE_NORM,
                      gated(ActivationKind.SILU),
                      "enc.output_norm"))
              .traits(Trait.ENCODER),
          // EuroBERT (arXiv 2503.05500): Llama's layers with bidirectional attention.
          ArchitectureEntry.of(
                  "eurobert",
                  "others",
                  new EncoderSpec(
                      Embedding.NORMALIZED_SUM,
                      rope(HALVES),
                      NormKind.RMS,
                      BlockOrder.PRE_NORM,
                      gated(ActivationKind.SILU),
                      "output_norm"))
              .traits(Trait.ENCODER)
              .directory(
                  MappingSpec.of(LlamaNames::norms, LlamaNames::attention, LlamaNames::gatedFfn)
                      .rmsEpsilon(1e-5)
                      .root("", "model.")
                      .withoutHead(),
                  "EuroBertModel",
                  "EuroBertForMaskedLM"));

  private Encoders() {}

  // ---- BERT and RoBERTa ----

  /** Returns the mapping of BERT, for names with one of the prefixes. */
  private static MappingSpec bert(String... roots) {
    return bert(config -> 0, roots);
  }

  /** Returns the mapping of RoBERTa. Its positions begin after that of the padding token. */
  private static MappingSpec roberta(String... roots) {
    return bert(config -> config.integer("pad_token_id", 0, Config.MAX_SIZE) + 1, roots);
  }

  /**
   * Returns the mapping of a model of BERT's shape.
   *
   * @param unused reads the number of rows before that of the first position
   * @param roots the possible prefixes of names
   */
  private static MappingSpec bert(ToIntFunction<Config> unused, String... roots) {
    return MappingSpec.of(
            attention("attention.self.", "attention.output.dense"),
            linear("attention.output.LayerNorm", "attn_output_norm"),
            linear("intermediate.dense", "ffn_up"),
            linear("output.dense", "ffn_down"),
            linear("output.LayerNorm", "layer_output_norm"))
        .activation("hidden_act", "gelu")
        .check(Encoders::requireAbsolutePositions)
        .off("is_decoder", "add_cross_attention")
        .layerNormEpsilon("layer_norm_eps")
        .keys(
            (config, out) ->
                out.integer(
                    "context_length",
                    config.size("max_position_embeddings") - unused.applyAsInt(config)))
        .noRope()
        .root(roots)
        .modules("embeddings.word_embeddings", "embeddings.LayerNorm", "encoder.layer.")
        .finalNorm("token_embd_norm")
        .withoutHead()
        .tensors(
            (config, model) -> {
              positions(config, model, unused.applyAsInt(config));
              model.take("embeddings.token_type_embeddings.weight", "token_types.weight");
              model.ignore("embeddings.position_ids"); // of old checkpoints
            })
        .ignoring("cls.", "lm_head.", "pooler.", "bert.pooler.", "roberta.pooler.")
        .withoutAdapters();
  }

  /** Takes the table of positions after its first rows, which no token has. */
  private static void positions(Config config, TensorMap model, int unused) {
    int rows = config.size("max_position_embeddings");
    Layout layout =
        unused == 0 ? Layout.AS_IS : Layout.rows(rows, rows - unused, row -> row + unused);
    model.take("embeddings.position_embeddings.weight", "position_embd.weight", layout);
  }

  /** Returns the mapping of DistilBERT (arXiv 1910.01108), which has no token types. */
  private static MappingSpec distilBert(String... roots) {
    return MappingSpec.of(
            linear("attention.q_lin", "attn_q"),
            linear("attention.k_lin", "attn_k"),
            linear("attention.v_lin", "attn_v"),
            linear("attention.out_lin", "attn_output"),
            linear("sa_layer_norm", "attn_output_norm"),
            linear("ffn.lin1", "ffn_up"),
            linear("ffn.lin2", "ffn_down"),
            linear("output_layer_norm", "layer_output_norm"))
        .attributes(
            Map.of(
                "hidden_size", List.of("dim"),
                "num_hidden_layers", List.of("n_layers"),
                "num_attention_heads", List.of("n_heads"),
                "intermediate_size", List.of("hidden_dim")))
        .activation("activation", "gelu")
        .epsilon((config, out) -> out.real("attention.layer_norm_epsilon", 1e-12))
        .noRope()
        .root(roots)
        .modules("embeddings.word_embeddings", "embeddings.LayerNorm", "transformer.layer.")
        .finalNorm("token_embd_norm")
        .withoutHead()
        .tensors((config, model) -> positions(config, model, 0))
        .ignoring("vocab_")
        .withoutAdapters();
  }

  // ---- MPNet ----

  /** Returns the mapping of MPNet; its names have one of the prefixes. */
  private static MappingSpec mpnet(String... roots) {
    return MappingSpec.of(
            linear("attention.attn.q", "attn_q"),
            linear("attention.attn.k", "attn_k"),
            linear("attention.attn.v", "attn_v"),
            linear("attention.attn.o", "attn_output"),
            linear("attention.LayerNorm", "attn_output_norm"),
            linear("intermediate.dense", "ffn_up"),
            linear("output.dense", "ffn_down"),
            linear("output.LayerNorm", "layer_output_norm"))
        .activation("hidden_act", "gelu")
        .layerNormEpsilon("layer_norm_eps")
        .keys(
            (config, out) ->
                out.integer(
                        "context_length",
                        config.size("max_position_embeddings") - MPNET_UNUSED_POSITIONS)
                    .integer(
                        "attention.relative_buckets_count",
                        config.size("relative_attention_num_buckets")))
        .noRope()
        .root(roots)
        .modules("embeddings.word_embeddings", "embeddings.LayerNorm", "encoder.layer.")
        .finalNorm("token_embd_norm")
        .withoutHead()
        .tensors(
            (config, model) -> {
              positions(config, model, MPNET_UNUSED_POSITIONS);
              model.take("encoder.relative_attention_bias.weight", "attn_rel_b.weight");
              model.ignore("embeddings.position_ids"); // of old checkpoints
            })
        .ignoring("lm_head.", "pooler.", "mpnet.pooler.")
        .withoutAdapters();
  }

  private static void requireAbsolutePositions(Config config) {
    if (config.has("position_embedding_type")) {
      config.requireOneOf("position_embedding_type", "absolute");
    }
  }

  private static LayerTensors attention(String from, String output) {
    return LayerTensors.all(
        linear(from + "query", "attn_q"),
        linear(from + "key", "attn_k"),
        linear(from + "value", "attn_v"),
        linear(output, "attn_output"));
  }

  /** Returns the classifier of BERT after its pooler; its name has a prefix. */
  private static MappingSpec.ModelTensors pooledClassifier(String root) {
    return (config, map) -> {
      map.takeLinear(root + "pooler.dense", "cls");
      map.takeLinear("classifier", "cls.output");
    };
  }

  private static void classifier(Config config, TensorMap map) {
    map.takeLinear("classifier.dense", "cls");
    map.takeLinear("classifier.out_proj", "cls.output");
  }

  // ---- GTE ----

  /** Returns the mapping of GTE; its names have one of the prefixes. */
  private static MappingSpec gte(String... roots) {
    return MappingSpec.of(
            linear("attention.qkv_proj", "attn_qkv"),
            linear("attention.o_proj", "attn_output"),
            linear("attn_ln", "attn_output_norm"),
            (config, layer, l) ->
                layer.takeHalves("mlp.up_gate_proj.weight", "ffn_up.weight", "ffn_gate.weight"),
            linear("mlp.down_proj", "ffn_down"),
            linear("mlp_ln", "layer_output_norm"))
        .activation("hidden_act", "gelu")
        .check(Encoders::requireGte)
        .off("logn_attention_scale")
        .on("pack_qkv")
        .layerNormEpsilon("layer_norm_eps")
        .ropeKeys(Encoders::gteRope)
        .root(roots)
        .modules("embeddings.word_embeddings", "embeddings.LayerNorm", "encoder.layer.")
        .finalNorm("token_embd_norm")
        .withoutHead()
        .tensors(
            (config, model) ->
                model.takeOptional("embeddings.token_type_embeddings.weight", "token_types.weight"))
        .ignoring("lm_head.", "pooler.", "new.pooler.", "gte.pooler.")
        .withoutAdapters();
  }

  private static void requireGte(Config config) {
    if (config.has("position_embedding_type")) {
      config.requireOneOf("position_embedding_type", "rope");
    }
    if (config.has("layer_norm_type")) {
      config.requireOneOf("layer_norm_type", "layer_norm");
    }
  }

  /** Adds the keys of RoPE. NTK scaling is a linear scaling of a larger base. */
  private static void gteRope(Rope rope, Config config, MetadataBuilder out, int dH) {
    if (!rope.type().equals("ntk")) {
      rope.put(out, dH);
      return;
    }
    rope.scaling().require("mixed_b", JsonNode::isNull, "must be null");
    double factor = rope.scaling().real("factor");
    rope.based(rope.base() * factor).put(out, dH);
    out.string("rope.scaling.type", "linear")
        .real("rope.scaling.factor", Math.pow(factor, 2.0 / dH));
  }

  // ---- Jina ----

  /** Returns gated blocks, or plain ones in files without gates. */
  private static FeedForwardSpec.OfLayer jinaFeedForward(Transformer model) {
    return (layer, residPre) ->
        layer.has("ffn_gate.weight")
                || model.rows(layer.tensor("ffn_up")) > model.dimensions().dFfn()
            ? layer.gatedFfn(ActivationKind.GELU)
            : layer.plainFfn(ActivationKind.GELU);
  }

  // ---- ModernBERT ----

  private static AttentionSpec modernAttention() {
    LayerRule local =
        params ->
            params.has("attention.sliding_window")
                ? params.slidingLayersAfterFirst(MODERN_PERIOD)
                : LayerRule.NoLayers.NONE;
    return rope(HALVES)
        .in(
            local,
            (model, a) ->
                a.withRope(model.rope(HALVES).unscaled("rope.freq_base_swa", base(model.params())))
                    .withWindow(Window.centered(model.params().requiredWindow())));
  }

  private static float base(Hyperparameters params) {
    return params.floatValue("rope.freq_base", 1e-3f, 1e12f, 10000f);
  }

  /** Returns pre-norm blocks; the first one may have no norm before attention. */
  private static BlockOrder modernBlock() {
    return model ->
        (layer, x, mixer, ffn) ->
            layer.has("attn_norm.weight")
                ? layer.preNorm(x, mixer, ffn)
                : layer.sequential(x, mixer, (hook, mid) -> ffn.write(hook, layer.ln2(mid)));
  }

  private static MappingSpec modern(String... roots) {
    return MappingSpec.of(
            (config, layer, l) -> {
              if (l > 0) {
                layer.takeLinear("attn_norm", "attn_norm");
              }
            },
            linear("attn.Wqkv", "attn_qkv"),
            linear("attn.Wo", "attn_output"),
            linear("mlp_norm", "ffn_norm"),
            linear("mlp.Wi", "ffn_up"),
            linear("mlp.Wo", "ffn_down"))
        .activation("hidden_activation", "gelu")
        .layerNormEpsilon("norm_eps")
        .keys(Encoders::modernKeys)
        .noRope()
        .root(roots)
        .modules("embeddings.tok_embeddings", "final_norm", "layers.")
        .withoutHead()
        .tensors((config, model) -> model.takeLinear("embeddings.norm", "token_embd_norm"))
        .ignoring("head.", "decoder.")
        .withoutAdapters();
  }

  private static void modernKeys(Config config, MetadataBuilder out) {
    Config rope = config.object("rope_parameters");
    double global = theta(config, rope, "full_attention", "global_rope_theta", 160000);
    int layers = config.size("num_hidden_layers");
    List<Boolean> local =
        config.has("layer_types")
            ? config.perLayer("layer_types", "sliding_attention", "full_attention").stream()
                .map("sliding_attention"::equals)
                .toList()
            : IntStream.range(0, layers)
                .mapToObj(l -> l % config.size("global_attn_every_n_layers", MODERN_PERIOD) != 0)
                .toList();
    out.real("rope.freq_base", global)
        .real(
            "rope.freq_base_swa", theta(config, rope, "sliding_attention", "local_rope_theta", 1e4))
        .integer("attention.sliding_window", config.size("local_attention", 128))
        .bools("attention.sliding_window_pattern", local);
    if (config.has("classifier_pooling")) {
      config.requireOneOf("classifier_pooling", "cls", "mean");
      boolean mean = config.string("classifier_pooling", "cls").equals("mean");
      out.integer("classifier.pooling_type", mean ? 1 : 2);
    }
  }

  private static double theta(Config config, Config rope, String kind, String old, double usual) {
    Config own = rope.object(kind);
    return own.real("rope_theta", config.real(old, usual));
  }

  private static void modernClassifier(Config config, TensorMap map) {
    map.takeLinear("head.dense", "cls");
    map.takeLinear("head.norm", "cls.norm");
    map.takeLinear("classifier", "cls.output");
  }
}
