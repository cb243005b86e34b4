package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layouts;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Qwen3-Next and the text decoder of Qwen3.5: attention in some layers, a gated delta rule in the
 * others. In GGUF files of Qwen3-Next, value heads of one key head are adjacent, as in checkpoints;
 * in those of Qwen3.5 they are interleaved.
 */
public final class QwenNextMapping implements Mapping {
  private static final String EPSILON = "rms_norm_eps";
  private static final int MAX_HEADS = 4096;
  private static final int MAX_TAPS = 64;

  /** Models of this shape. */
  public enum Variant {
    /** Qwen3-Next, with experts; projections of a key head are adjacent in the checkpoint. */
    NEXT,
    /** Qwen3.5 without experts. */
    DENSE,
    /** Qwen3.5 with experts. */
    MIXTURE
  }

  private final Variant variant;

  /** Makes the mapping of a variant. */
  public QwenNextMapping(Variant variant) {
    this.variant = variant;
  }

  /**
   * The heads of the delta rule.
   *
   * @param keyHeads heads of queries and keys
   * @param heads heads of values
   * @param dK elements of a query or key
   * @param dV elements of a value
   */
  private record Heads(int keyHeads, int heads, int dK, int dV) {
    static Heads of(Config config) {
      String key = "linear_num_value_heads";
      int keyHeads = config.integer("linear_num_key_heads", 1, MAX_HEADS);
      int heads = config.integer(key, 1, MAX_HEADS);
      if (heads % keyHeads != 0) {
        throw config.error(
            key, Integer.toString(heads), "must be a multiple of linear_num_key_heads " + keyHeads);
      }
      int dK = config.integer("linear_key_head_dim", 1, KvShape.HEAD_MAX);
      int dV = config.integer("linear_value_head_dim", 1, KvShape.HEAD_MAX);
      return new Heads(keyHeads, heads, dK, dV);
    }

    int keyWidth() {
      return keyHeads * dK;
    }

    int valueWidth() {
      return heads * dV;
    }

    /** Returns the rows of queries, keys and values. */
    int width() {
      return 2 * keyWidth() + valueWidth();
    }

    /** Returns the order of GGUF's rows, n per value head. */
    IntUnaryOperator tiled(int n) {
      return Layouts.tiledHeads(keyHeads, heads, n);
    }

    /** Returns an order that keeps queries and keys, and reorders values. */
    IntUnaryOperator before(IntUnaryOperator values) {
      int first = 2 * keyWidth();
      return row -> row < first ? row : first + values.applyAsInt(row - first);
    }
  }

  private boolean isMixture() {
    return variant != Variant.DENSE;
  }

  /** Returns whether the projections of a key head are adjacent in the checkpoint. */
  private boolean isFused() {
    return variant == Variant.NEXT;
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    config.requireOff("attention_bias");
    double epsilon = config.real(EPSILON, 1e-6);
    if (epsilon != 1e-6) {
      throw config.unsupported(
          EPSILON,
          Double.toString(epsilon),
          "GGUF has one for all norms, and that of keys is 1e-6");
    }
    if (isMixture()) {
      mixture(config, out);
    } else {
      CommonKeys.dimensions(config, out);
    }
    CommonKeys.rmsEpsilon(config, out, 1e-6);
    rope(config).put(out, config.size("head_dim"));
    if (!isFused()) {
      QwenVlMapping.sections(config, out, 11, 11, 10);
    }
    Heads heads = Heads.of(config);
    int layers = config.size("num_hidden_layers");
    List<Boolean> recurrent =
        IntStream.range(0, layers).mapToObj(l -> !attends(config, l)).toList();
    out.integer("ssm.conv_kernel", config.integer("linear_conv_kernel_dim", 1, MAX_TAPS))
        .integer("ssm.state_size", heads.dK)
        .integer("ssm.group_count", heads.keyHeads)
        .integer("ssm.time_step_rank", heads.heads)
        .integer("ssm.inner_size", heads.valueWidth())
        .bools("attention.recurrent_layers", recurrent)
        .integer("full_attention_interval", interval(config));
  }

  private void mixture(Config config, MetadataBuilder out) {
    if (config.has("intermediate_size")) {
      CommonKeys.dimensions(config, out);
    } else {
      CommonKeys.dimensionsWithoutFfn(config, out);
    }
    ExpertNames.requireEverywhere(config);
    ExpertNames.counts(config, out);
    out.integer("expert_feed_forward_length", config.size("moe_intermediate_size"))
        .integer(
            "expert_shared_feed_forward_length", config.size("shared_expert_intermediate_size"));
    if (isFused()) {
      out.bool("expert_weights_norm", config.bool("norm_topk_prob", true));
    }
  }

  private static Rope rope(Config config) {
    return Rope.of(config, 0.25).ofText();
  }

  private static int interval(Config config) {
    return config.size("full_attention_interval", 4);
  }

  private static boolean attends(Config config, int layer) {
    if (!config.has("layer_types")) {
      return (layer + 1) % interval(config) == 0;
    }
    int layers = config.size("num_hidden_layers");
    List<String> types = config.strings("layer_types");
    if (types.size() != layers) {
      throw config.error("layer_types", types.toString(), "must name " + layers + " layers");
    }
    String type = types.get(layer);
    if (!type.equals("linear_attention") && !type.equals("full_attention")) {
      throw config.unsupported("layer_types", type, "supported: linear_attention, full_attention");
    }
    return type.equals("full_attention");
  }

  @Override
  public void tensors(Config config, TensorMap map) {
    map.ignoreAll("mtp."); // what drafts tokens
    map.ignoreAll("model.mtp.");
    map.take("model.embed_tokens.weight", "token_embd.weight");
    map.takePlusOne("model.norm.weight", "output_norm.weight");
    LlamaNames.unembedding(map, config, "lm_head", !map.has("lm_head.weight"));
    rope(config).addTensors(map, config.size("head_dim"));
    Heads heads = Heads.of(config);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      String from = LlamaNames.from(l);
      String to = LlamaNames.to(l);
      map.takePlusOne(from + "input_layernorm.weight", to + "attn_norm.weight");
      map.takePlusOne(from + "post_attention_layernorm.weight", to + "post_attention_norm.weight");
      if (attends(config, l)) {
        LlamaNames.attention(config, map, l);
        map.takePlusOne(from + "self_attn.q_norm.weight", to + "attn_q_norm.weight");
        map.takePlusOne(from + "self_attn.k_norm.weight", to + "attn_k_norm.weight");
      } else if (isFused()) {
        fused(heads, map, from + "linear_attn.", to);
      } else {
        tiled(heads, map, from + "linear_attn.", to);
      }
      if (isMixture()) {
        ExpertNames.routed(config, map, l);
        ExpertNames.shared("shared_expert").take(config, map, l);
        map.take(from + "mlp.shared_expert_gate.weight", to + "ffn_gate_inp_shexp.weight");
      } else {
        LlamaNames.gatedFfn(config, map, l);
      }
    }
  }

  /** Takes projections that are adjacent per key head. */
  private static void fused(Heads heads, TensorMap map, String from, String to) {
    int dK = heads.dK;
    int values = heads.valueWidth() / heads.keyHeads;
    int stride = 2 * (dK + values);
    int first = heads.keyWidth();
    IntUnaryOperator queries = Layouts.rowsOfHeads(0, dK, stride);
    IntUnaryOperator keys = Layouts.rowsOfHeads(dK, dK, stride);
    IntUnaryOperator others = Layouts.rowsOfHeads(2 * dK, values, stride);
    IntUnaryOperator all =
        row ->
            row < first
                ? queries.applyAsInt(row)
                : row < 2 * first
                    ? keys.applyAsInt(row - first)
                    : others.applyAsInt(row - 2 * first);
    String matrix = from + "in_proj_qkvz.weight";
    int rows = heads.keyHeads * stride;
    map.takeRows(matrix, to + "attn_qkv.weight", rows, heads.width(), all);
    map.takeRows(
        matrix,
        to + "attn_gate.weight",
        rows,
        heads.valueWidth(),
        Layouts.rowsOfHeads(2 * dK + values, values, stride));
    map.take(from + "in_proj_ba.weight", to + "ssm_ba.weight");
    map.take(from + "out_proj.weight", to + "ssm_out.weight");
    rest(heads, map, from, to, IntUnaryOperator.identity(), IntUnaryOperator.identity());
  }

  /** Takes projections whose value heads are reordered. */
  private static void tiled(Heads heads, TensorMap map, String from, String to) {
    IntUnaryOperator values = heads.tiled(heads.dV);
    IntUnaryOperator each = heads.tiled(1);
    int width = heads.valueWidth();
    map.takeRows(
        from + "in_proj_qkv.weight",
        to + "attn_qkv.weight",
        heads.width(),
        heads.width(),
        heads.before(values));
    map.takeRows(from + "in_proj_z.weight", to + "attn_gate.weight", width, width, values);
    int n = heads.heads;
    map.takeRows(from + "in_proj_a.weight", to + "ssm_alpha.weight", n, n, each);
    map.takeRows(from + "in_proj_b.weight", to + "ssm_beta.weight", n, n, each);
    map.takeOrderedColumns(from + "out_proj.weight", to + "ssm_out.weight", width, values);
    rest(heads, map, from, to, heads.before(values), each);
  }

  private static void rest(
      Heads heads,
      TensorMap map,
      String from,
      String to,
      IntUnaryOperator kernels,
      IntUnaryOperator each) {
    map.takeKernels(from + "conv1d.weight", to + "ssm_conv1d.weight", heads.width(), kernels);
    map.takeRates(from + "A_log", to + "ssm_a", heads.heads, each);
    map.takeRows(from + "dt_bias", to + "ssm_dt.bias", heads.heads, heads.heads, each);
    map.take(from + "norm.weight", to + "ssm_norm.weight");
  }
}
