package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.MappingSpec.KeyRule;
import java.util.List;
import java.util.function.ToIntFunction;

/** Keys and tensors of mixtures of experts. */
public final class ExpertNames {
  private static final List<String> PARTS = List.of("gate", "up", "down");
  private static final String WIDTH = "expert_feed_forward_length";
  private static final String SHARED_COUNT = "expert_shared_count";
  private static final String SHARED_WIDTH = "expert_shared_feed_forward_length";

  /** Largest number of shared experts. */
  private static final int MAX_SHARED = 256;

  /** Weights are softmaxes of the router's logits. */
  public static final KeyRule SOFTMAX = (config, out) -> out.integer("expert_gating_func", 1);

  /** Weights are sigmoids of the router's logits. */
  public static final KeyRule SIGMOID = (config, out) -> out.integer("expert_gating_func", 2);

  /** Weights of a token add up to 1. */
  public static final KeyRule NORMALIZED = (config, out) -> out.bool("expert_weights_norm", true);

  /** The usual width of experts. */
  public static final KeyRule MOE_WIDTH = width("moe_intermediate_size");

  private ExpertNames() {}

  /** Returns the key of the number of experts of a layer. */
  public static String count(Config config) {
    return config.firstOf(
        "num_experts", "n_routed_experts", "moe_num_experts", "num_local_experts");
  }

  /** Adds the numbers of experts of a layer and of a token. */
  public static void counts(Config config, MetadataBuilder out) {
    config.requireNumber("n_group", 1);
    counts(config, out, true);
  }

  /** Adds the numbers of experts, which may be chosen in groups. */
  public static void groupedCounts(Config config, MetadataBuilder out) {
    counts(config, out, false);
  }

  /**
   * Adds the numbers of experts.
   *
   * @param ungrouped true to ignore groups of the configuration
   */
  static void counts(Config config, MetadataBuilder out, boolean ungrouped) {
    String used = config.firstOf("num_experts_per_tok", "moe_k");
    out.integer("expert_count", config.size(count(config)))
        .integer("expert_used_count", config.size(used));
    if (config.has("n_group")) {
      int groups = ungrouped ? 1 : config.size("n_group");
      int usedGroups = groups == 1 ? 1 : config.integer("topk_group", 1, groups);
      out.integer("expert_group_count", groups).integer("expert_group_used_count", usedGroups);
    }
  }

  /** Returns a rule that copies the width of an expert. */
  public static KeyRule width(String key) {
    return CommonKeys.size(key, WIDTH);
  }

  /** Returns a rule that copies the width of the shared expert. */
  public static KeyRule sharedWidth(String key) {
    return CommonKeys.size(key, SHARED_WIDTH);
  }

  /**
   * Returns a rule that adds the number of shared experts.
   *
   * @param usual the number unless the configuration has it
   */
  public static KeyRule sharedCount(String key, int least, int usual) {
    return (config, out) -> out.integer(SHARED_COUNT, shared(config, key, least, usual));
  }

  /**
   * Returns a rule that adds the number and the common width of shared experts.
   *
   * @param expertWidth key of the width of one
   * @param usual the number unless the configuration has it
   */
  public static KeyRule sharedCountAndWidth(String expertWidth, String key, int least, int usual) {
    return (config, out) -> {
      int shared = shared(config, key, least, usual);
      out.integer(SHARED_COUNT, shared).integer(SHARED_WIDTH, shared * config.size(expertWidth));
    };
  }

  /** Returns a rule that adds the number of dense layers before those with experts. */
  public static KeyRule leadingDense(ToIntFunction<Config> dense) {
    return (config, out) -> out.integer("leading_dense_block_count", dense.applyAsInt(config));
  }

  /** Returns a rule that adds the factor of weights. */
  public static KeyRule scale(String key, double usual) {
    return CommonKeys.real(key, "expert_weights_scale", usual);
  }

  /**
   * Returns a rule that adds whether weights of a token add up to 1.
   *
   * @param usual the value unless the configuration has it
   */
  public static KeyRule normalized(boolean usual) {
    return (config, out) -> out.bool("expert_weights_norm", config.bool("norm_topk_prob", usual));
  }

  /**
   * Returns the number of dense layers before those with experts.
   *
   * @param usual the number unless the configuration has it
   */
  public static int dense(Config config, int usual) {
    if (!config.has("mlp_layer_types")) {
      return dense(config, "first_k_dense_replace", usual);
    }
    int layers = config.size("num_hidden_layers");
    var kinds = config.strings("mlp_layer_types");
    int dense = 0;
    while (dense < kinds.size() && kinds.get(dense).equals("dense")) {
      dense++;
    }
    if (kinds.size() != layers || kinds.subList(dense, layers).contains("dense")) {
      throw config.unsupported(
          "mlp_layer_types", kinds.toString(), "dense layers come first, " + layers + " in all");
    }
    return dense;
  }

  /**
   * Returns the number of dense layers before those with experts.
   *
   * @param usual the number unless the configuration has it
   */
  public static int dense(Config config, String key, int usual) {
    return config.has(key) ? requiredDense(config, key) : usual;
  }

  /** Returns the number of dense layers, which the configuration must have. */
  public static int requiredDense(Config config, String key) {
    return config.integer(key, 0, config.size("num_hidden_layers"));
  }

  /**
   * Returns the number of shared experts.
   *
   * @param usual the number unless the configuration has it
   */
  public static int shared(Config config, String key, int least, int usual) {
    return config.has(key) ? config.integer(key, least, MAX_SHARED) : usual;
  }

  /** Rejects layers without experts. */
  public static void requireEverywhere(Config config) {
    config.requireNumber("decoder_sparse_step", 1);
    config.require("mlp_only_layers", value -> value.isEmpty(), "must be empty");
  }

  /**
   * Takes router and experts of a layer. Checkpoints have a tensor per expert, or, more recently,
   * all experts stacked.
   */
  public static void routed(Config config, TensorMap layer, int index) {
    layer.take("mlp.gate.weight", "ffn_gate_inp.weight");
    experts(config, layer, index);
  }

  /** Takes the experts of a layer. */
  public static void experts(Config config, TensorMap layer, int index) {
    experts(layer, "mlp.experts.", config.size(count(config)), "gate_proj", "up_proj", "down_proj");
  }

  /**
   * Takes the experts of a layer, stacked or one by one.
   *
   * @param from prefix of names
   * @param parts names of the matrices for gate, up and down of an expert
   */
  static void experts(TensorMap layer, String from, int count, String... parts) {
    if (layer.has(from + "gate_up_proj")) {
      layer.takeHalves(from + "gate_up_proj", "ffn_gate_exps.weight", "ffn_up_exps.weight");
      layer.take(from + "down_proj", "ffn_down_exps.weight");
      return;
    }
    for (int i = 0; i < parts.length; i++) {
      layer.takeStacked(
          from + "%d." + parts[i] + ".weight", count, "ffn_" + PARTS.get(i) + "_exps.weight");
    }
  }

  /**
   * Takes stacked experts with gate and up as one matrix of a file.
   *
   * @param from prefix of names
   */
  public static void fused(TensorMap layer, String from) {
    layer.take(from + "gate_up_proj", "ffn_gate_up_exps.weight");
    layer.take(from + "down_proj", "ffn_down_exps.weight");
  }

  /**
   * Takes stacked experts with matrices of inputs by outputs, gate and up side by side.
   *
   * @param gateUp the tensor with gates and ups
   * @param down the tensor with the last matrices
   */
  public static LayerTensors transposed(String gateUp, String down) {
    return LayerTensors.all(
        LayerTensors.tensor(gateUp, "ffn_gate_exps.weight", Layout.columnHalf(0)),
        LayerTensors.tensor(gateUp, "ffn_up_exps.weight", Layout.columnHalf(1)),
        LayerTensors.tensor(down, "ffn_down_exps.weight", Layout.columns(0, 1)));
  }

  /** Takes router and experts of a layer under the names of Mixtral. */
  public static void sparse(Config config, TensorMap layer, int index) {
    String from = "block_sparse_moe.";
    layer.take(from + "gate.weight", "ffn_gate_inp.weight");
    experts(layer, from + "experts.", config.size("num_local_experts"), "w1", "w3", "w2");
  }

  /** Takes the shared expert of a layer. */
  public static LayerTensors shared(String module) {
    return gated("mlp." + module + ".", "_shexp");
  }

  /**
   * Takes the shared expert of a layer in models that have one.
   *
   * @param key the number of shared experts, by default 0
   */
  public static LayerTensors optionalShared(String key) {
    return shared("shared_experts").when((config, l) -> shared(config, key, 0, 0) > 0);
  }

  /** Takes a gated block of a module. */
  public static LayerTensors gated(String from, String suffix) {
    return (config, layer, l) ->
        PARTS.forEach(part -> layer.takeLinear(from + part + "_proj", "ffn_" + part + suffix));
  }
}
