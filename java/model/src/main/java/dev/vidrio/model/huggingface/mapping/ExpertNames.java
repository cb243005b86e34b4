package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;

/** Keys and tensors of mixtures of experts. */
public final class ExpertNames {
  private static final List<String> PARTS = List.of("gate", "up", "down");

  /** Largest number of shared experts. */
  public static final int MAX_SHARED = 256;

  private ExpertNames() {}

  /** Returns the key of the number of experts of a layer. */
  public static String count(Config config) {
    return config.firstOf(
        "num_experts", "n_routed_experts", "moe_num_experts", "num_local_experts");
  }

  /** Adds the numbers of experts of a layer and of a token. */
  public static void counts(Config config, MetadataBuilder out) {
    config.require("n_group", value -> value.asInt(0) == 1, "must be 1");
    groupedCounts(config, out, true);
  }

  /**
   * Adds the numbers of experts, which may be chosen in groups.
   *
   * @param ungrouped true to ignore groups of the configuration
   */
  public static void groupedCounts(Config config, MetadataBuilder out, boolean ungrouped) {
    String used = config.firstOf("num_experts_per_tok", "moe_k");
    out.integer("expert_count", config.size(count(config)))
        .integer("expert_used_count", config.size(used));
    if (config.has("n_group")) {
      int groups = ungrouped ? 1 : config.size("n_group");
      int usedGroups = groups == 1 ? 1 : config.integer("topk_group", 1, groups);
      out.integer("expert_group_count", groups).integer("expert_group_used_count", usedGroups);
    }
  }

  /**
   * Returns the number of dense layers before those with experts.
   *
   * @param usual the number unless the configuration has it
   */
  public static int dense(Config config, int usual) {
    int layers = config.size("num_hidden_layers");
    if (!config.has("mlp_layer_types")) {
      return config.has("first_k_dense_replace")
          ? config.integer("first_k_dense_replace", 0, layers)
          : usual;
    }
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
    return config.has(key) ? config.integer(key, 0, config.size("num_hidden_layers")) : usual;
  }

  /** Returns the number of dense layers, which the configuration must have. */
  public static int requiredDense(Config config) {
    return config.integer("first_k_dense_replace", 0, config.size("num_hidden_layers"));
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
    config.require("decoder_sparse_step", value -> value.asInt(0) == 1, "must be 1");
    config.require("mlp_only_layers", value -> value.isEmpty(), "must be empty");
  }

  /**
   * Takes router and experts of a layer. Checkpoints have a tensor per expert, or, more recently,
   * all experts stacked.
   */
  public static void routed(Config config, TensorMap map, int layer) {
    map.take(
        LlamaNames.from(layer) + "mlp.gate.weight", LlamaNames.to(layer) + "ffn_gate_inp.weight");
    experts(config, map, layer);
  }

  /** Takes the experts of a layer. */
  public static void experts(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "mlp.";
    String to = LlamaNames.to(layer);
    if (map.has(from + "experts.gate_up_proj")) {
      map.takeHalves(
          from + "experts.gate_up_proj", to + "ffn_gate_exps.weight", to + "ffn_up_exps.weight");
      map.take(from + "experts.down_proj", to + "ffn_down_exps.weight");
      return;
    }
    for (String part : PARTS) {
      map.takeStacked(
          from + "experts.%d." + part + "_proj.weight",
          config.size(count(config)),
          to + "ffn_" + part + "_exps.weight");
    }
  }

  /**
   * Takes stacked experts whose matrices are inputs by outputs, gate and up side by side.
   *
   * @param gateUp suffix of the tensor with gates and ups
   * @param down suffix of the tensor with the last matrices
   */
  public static LayerTensors transposed(String gateUp, String down) {
    return (config, map, layer) -> {
      String from = LlamaNames.from(layer);
      String to = LlamaNames.to(layer);
      map.takeColumnHalves(from + gateUp, to + "ffn_gate_exps.weight", to + "ffn_up_exps.weight");
      map.takeColumns(from + down, to + "ffn_down_exps.weight", 0, 1);
    };
  }

  /** Takes router and experts of a layer under the names of Mixtral. */
  public static void sparse(Config config, TensorMap map, int layer) {
    String from = LlamaNames.from(layer) + "block_sparse_moe.";
    String to = LlamaNames.to(layer);
    int count = config.size("num_local_experts");
    map.take(from + "gate.weight", to + "ffn_gate_inp.weight");
    for (List<String> names :
        List.of(List.of("w1", "gate"), List.of("w2", "down"), List.of("w3", "up"))) {
      map.takeStacked(
          from + "experts.%d." + names.get(0) + ".weight",
          count,
          to + "ffn_" + names.get(1) + "_exps.weight");
    }
  }

  /** Takes the shared expert of a layer. */
  public static LayerTensors shared(String module) {
    return (config, map, layer) -> {
      for (String part : PARTS) {
        map.takeLinear(
            LlamaNames.from(layer) + "mlp." + module + "." + part + "_proj",
            LlamaNames.to(layer) + "ffn_" + part + "_shexp");
      }
    };
  }
}
