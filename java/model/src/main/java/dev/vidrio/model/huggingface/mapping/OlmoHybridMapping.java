package dev.vidrio.model.huggingface.mapping;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.linear;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;

/** OLMo Hybrid: attention in some layers, Gated DeltaNet in the others. */
public final class OlmoHybridMapping {
  private static final String EPSILON = "rms_norm_eps";

  /** Epsilon of query and key normalization in transformers, whatever the norms have. */
  private static final double DELTA_RULE_EPSILON = 1e-6;

  private static final LayerTensors ATTENTION =
      LayerTensors.all(
          either("feedforward_layer_norm", "post_attention_layernorm", "post_attention_norm"),
          LlamaNames::attention,
          LlamaNames::queryKeyNorms,
          linear("post_feedforward_layernorm", "post_ffw_norm"));

  private static final LayerTensors RECURRENCE =
      LayerTensors.all(
          either("attention_layer_norm", "input_layernorm", "attn_norm"),
          either("feedforward_layer_norm", "post_attention_layernorm", "ffn_norm"),
          (config, layer, l) -> states(DeltaHeads.of(config), layer.in("linear_attn.", "")));

  /** The mapping. */
  public static final MappingSpec SPEC =
      MappingSpec.of(LlamaNames::gatedFfn, ATTENTION.or(DeltaHeads::attends, RECURRENCE))
          .defaults(Map.of("linear_conv_kernel_dim", 4))
          .off("attention_bias")
          .check(
              config ->
                  config.require(
                      EPSILON,
                      value -> value.asDouble(0) == DELTA_RULE_EPSILON,
                      "must be that of the delta rule, " + DELTA_RULE_EPSILON))
          .rope(config -> rotates(config) ? Rope.of(config) : null)
          .keys(OlmoHybridMapping::keys);

  private OlmoHybridMapping() {}

  /**
   * Returns whether attention has RoPE; a base of null, as in released configurations, means none.
   */
  private static boolean rotates(Config config) {
    return !config.object("rope_parameters").isNull("rope_theta");
  }

  private static void keys(Config config, MetadataBuilder out) {
    CommonKeys.kvHeads(config, out, l -> DeltaHeads.attends(config, l));
    DeltaHeads.of(config).keys(config, out);
    out.real("ssm.beta_scale", config.bool("linear_allow_neg_eigval", true) ? 2 : 1);
  }

  /** Takes a norm under either of two names. */
  private static LayerTensors either(String name, String other, String to) {
    return (config, layer, l) -> layer.takeLinear(layer.has(name + ".weight") ? name : other, to);
  }

  private static void states(DeltaHeads heads, TensorMap module) {
    for (String part : List.of("q", "k", "v")) {
      int width = part.equals("v") ? heads.valueWidth() : heads.keyWidth();
      module.take(part + "_proj.weight", "attn_" + part + ".weight");
      module.take(part + "_conv1d.weight", "ssm_conv1d_" + part + ".weight", Layout.kernels(width));
    }
    module.take("g_proj.weight", "attn_gate.weight");
    module.take("a_proj.weight", "ssm_alpha.weight");
    module.take("b_proj.weight", "ssm_beta.weight");
    module.take("dt_bias", "ssm_dt.bias");
    module.take("A_log", "ssm_a", Layout.rates(heads.heads(), IntUnaryOperator.identity()));
    module.take("o_norm.weight", "ssm_norm.weight");
    module.take("o_proj.weight", "ssm_out.weight");
  }
}
