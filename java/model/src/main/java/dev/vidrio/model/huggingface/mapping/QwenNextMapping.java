package dev.vidrio.model.huggingface.mapping;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.plusOne;
import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.RowOrders;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Qwen3-Next and the text decoder of Qwen3.5: attention in some layers, a gated delta rule in the
 * others. In GGUF files of Qwen3-Next, value heads of one key head are adjacent, as in checkpoints;
 * in those of Qwen3.5 they are interleaved.
 */
public final class QwenNextMapping {
  private static final String EPSILON = "rms_norm_eps";

  /** Qwen3-Next, with experts; projections of a key head are adjacent in the checkpoint. */
  public static final MappingSpec NEXT =
      mixture(spec(QwenNextMapping::fused)).keys(ExpertNames.normalized(true));

  /** Qwen3.5 without experts. */
  public static final MappingSpec DENSE =
      spec(QwenNextMapping::tiled)
          .and(LlamaNames::gatedFfn)
          .dimensions(CommonKeys::dimensions)
          .keys(QwenNextMapping::sections);

  /** Qwen3.5 with experts. */
  public static final MappingSpec MIXTURE =
      mixture(spec(QwenNextMapping::tiled)).keys(QwenNextMapping::sections);

  private QwenNextMapping() {}

  private static MappingSpec spec(LayerTensors recurrence) {
    return MappingSpec.of(
            plusOne("input_layernorm", "attn_norm"),
            plusOne("post_attention_layernorm", "post_attention_norm"),
            LayerTensors.all(
                    LlamaNames::attention,
                    plusOne("self_attn.q_norm", "attn_q_norm"),
                    plusOne("self_attn.k_norm", "attn_k_norm"))
                .or(QwenNextMapping::attends, recurrence))
        .off("attention_bias")
        .check(QwenNextMapping::checkEpsilon)
        .rope(config -> Rope.of(config, 0.25).ofText())
        .headWidth(config -> config.size("head_dim"))
        .keys(QwenNextMapping::states)
        .finalNorm(LlamaNames::plusOne)
        .ignoring("mtp.", "model.mtp."); // which draft tokens
  }

  private static MappingSpec mixture(MappingSpec spec) {
    return spec.and(
            ExpertNames::routed,
            ExpertNames.shared("shared_expert"),
            tensor("mlp.shared_expert_gate.weight", "ffn_gate_inp_shexp.weight"))
        .check(ExpertNames::requireEverywhere)
        .dimensions(CommonKeys::dimensionsWithoutFfn)
        .keys(
            CommonKeys.optionalSize("intermediate_size", "feed_forward_length"),
            ExpertNames::counts,
            ExpertNames.MOE_WIDTH,
            ExpertNames.sharedWidth("shared_expert_intermediate_size"));
  }

  private static void checkEpsilon(Config config) {
    double epsilon = config.real(EPSILON, 1e-6);
    if (epsilon != 1e-6) {
      throw config.unsupported(
          EPSILON,
          Double.toString(epsilon),
          "GGUF has one for all norms, and that of keys is 1e-6");
    }
  }

  private static void sections(Config config, MetadataBuilder out) {
    QwenVlMapping.sections(config, out, 11, 11, 10);
  }

  private static void states(Config config, MetadataBuilder out) {
    DeltaHeads.of(config).keys(config, out);
    List<Boolean> recurrent =
        IntStream.range(0, config.size("num_hidden_layers"))
            .mapToObj(l -> !attends(config, l))
            .toList();
    out.bools("attention.recurrent_layers", recurrent)
        .integer("full_attention_interval", interval(config));
  }

  private static int interval(Config config) {
    return config.size("full_attention_interval", 4);
  }

  private static boolean attends(Config config, int layer) {
    return config.has("layer_types")
        ? DeltaHeads.attends(config, layer)
        : (layer + 1) % interval(config) == 0;
  }

  /** Takes projections that are adjacent per key head. */
  private static void fused(Config config, TensorMap layer, int index) {
    DeltaHeads heads = DeltaHeads.of(config);
    int dK = heads.dK();
    int values = heads.valueWidth() / heads.keyHeads();
    int stride = 2 * (dK + values);
    int first = heads.keyWidth();
    IntUnaryOperator queries = RowOrders.rowsOfHeads(0, dK, stride);
    IntUnaryOperator keys = RowOrders.rowsOfHeads(dK, dK, stride);
    IntUnaryOperator others = RowOrders.rowsOfHeads(2 * dK, values, stride);
    IntUnaryOperator gates = RowOrders.rowsOfHeads(2 * dK + values, values, stride);
    IntUnaryOperator all =
        row ->
            row < first
                ? queries.applyAsInt(row)
                : row < 2 * first
                    ? keys.applyAsInt(row - first)
                    : others.applyAsInt(row - 2 * first);
    int rows = heads.keyHeads() * stride;
    TensorMap module = layer.in("linear_attn.", "");
    String matrix = "in_proj_qkvz.weight";
    module.take(matrix, "attn_qkv.weight", Layout.rows(rows, heads.width(), all));
    module.take(matrix, "attn_gate.weight", Layout.rows(rows, heads.valueWidth(), gates));
    module.take("in_proj_ba.weight", "ssm_ba.weight");
    module.take("out_proj.weight", "ssm_out.weight");
    rest(heads, module, IntUnaryOperator.identity(), IntUnaryOperator.identity());
  }

  /** Takes projections and reorders their value heads. */
  private static void tiled(Config config, TensorMap layer, int index) {
    DeltaHeads heads = DeltaHeads.of(config);
    IntUnaryOperator values = heads.tiled(heads.dV());
    IntUnaryOperator kept = heads.before(values);
    int width = heads.valueWidth();
    Layout each = Layout.rows(heads.heads(), heads.tiled(1));
    TensorMap module = layer.in("linear_attn.", "");
    module.take("in_proj_qkv.weight", "attn_qkv.weight", Layout.rows(heads.width(), kept));
    module.take("in_proj_z.weight", "attn_gate.weight", Layout.rows(width, values));
    module.take("in_proj_a.weight", "ssm_alpha.weight", each);
    module.take("in_proj_b.weight", "ssm_beta.weight", each);
    module.take("out_proj.weight", "ssm_out.weight", Layout.columns(width, values));
    rest(heads, module, kept, heads.tiled(1));
  }

  private static void rest(
      DeltaHeads heads, TensorMap module, IntUnaryOperator kernels, IntUnaryOperator each) {
    int n = heads.heads();
    module.take("conv1d.weight", "ssm_conv1d.weight", Layout.kernels(heads.width(), kernels));
    module.take("A_log", "ssm_a", Layout.rates(n, each));
    module.take("dt_bias", "ssm_dt.bias", Layout.rows(n, each));
    module.take("norm.weight", "ssm_norm.weight");
  }
}
