package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;

/** Granite with attention sinks and, in most layers, a sliding window; with experts or without. */
final class GraniteSwaMapping implements LayerMapping {
  private static final String THETAS = "layer_rope_theta";
  private static final String SHARED = "shared_intermediate_size";

  private final boolean isMixture;

  /**
   * @param isMixture whether it has experts
   */
  GraniteSwaMapping(boolean isMixture) {
    this.isMixture = isMixture;
  }

  @Override
  public String architecture() {
    return "granite_swa";
  }

  @Override
  public void keys(Config config, MetadataBuilder out) {
    config.requireOneOf("hidden_act", "silu");
    Keys.sizes(config, out, "granite_swa");
    Keys.rmsEpsilon(config, out, "granite_swa", isMixture ? 1e-6 : 1e-5);
    LlamaMapping.graniteScales(config, out, "granite_swa");
    rope(config).put(out, "granite_swa", Keys.headWidth(config));
    windows(config, out);
    if (isMixture) {
      ExpertNames.counts(config, out, "granite_swa");
      if (hasShared(config)) {
        out.integer("granite_swa.expert_shared_feed_forward_length", config.size(SHARED));
      }
    }
  }

  private static boolean hasShared(Config config) {
    return config.has(SHARED) && config.integer(SHARED, 0, Config.MAX_SIZE) > 0;
  }

  private static void windows(Config config, MetadataBuilder out) {
    int layers = config.size("num_hidden_layers");
    List<Boolean> slides = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      slides.add(l % 4 != 0);
    }
    out.integer("granite_swa.attention.sliding_window", config.size("sliding_window", 128))
        .bools(
            "granite_swa.attention.sliding_window_pattern",
            config.has("layer_types") ? SlidingWindow.layers(config, 1) : slides);
    if (config.has(THETAS)) {
      List<Boolean> turns = new ArrayList<>();
      for (float theta : config.reals(THETAS)) {
        turns.add(theta != 0);
      }
      if (turns.size() != layers) {
        throw config.error(THETAS, turns.size() + " bases", "must be " + layers);
      }
      if (turns.contains(false)) {
        out.bools("granite_swa.attention.rope_pattern", turns);
      }
    }
  }

  /** The bases of layers are one, or 0 in those that do not turn. */
  @Override
  public Rope rope(Config config) {
    Rope rope = Rope.of(config);
    if (!config.has(THETAS)) {
      return rope;
    }
    double base = 0;
    for (float theta : config.reals(THETAS)) {
      if (theta != 0 && base != 0 && theta != base) {
        throw config.unsupported(THETAS, "" + theta, "all layers that turn have one base");
      }
      base = theta == 0 ? base : theta;
    }
    return base == 0 ? rope : rope.based(base, rope.type());
  }

  @Override
  public void layer(Config config, TensorMap map, int l) {
    LlamaNames.norms(map, l);
    LlamaNames.interleavedAttention(map, config, l);
    map.take(LlamaNames.from(l) + "self_attn.sinks", LlamaNames.to(l) + "attn_sinks.weight");
    if (isMixture) {
      mixture(config, map, LlamaNames.from(l), LlamaNames.to(l));
    } else {
      LlamaNames.gatedFfn(map, l);
    }
  }

  private static void mixture(Config config, TensorMap map, String from, String to) {
    String moe = from + "block_sparse_moe.";
    map.take(moe + "router.weight", to + "ffn_gate_inp.weight");
    map.take(moe + "experts.gate_up_proj", to + "ffn_gate_up_exps.weight");
    map.take(moe + "experts.down_proj", to + "ffn_down_exps.weight");
    if (hasShared(config)) {
      map.take(from + "shared_mlp.input_linear.weight", to + "ffn_up_shexp.weight");
      map.take(from + "shared_mlp.output_linear.weight", to + "ffn_down_shexp.weight");
    }
  }
}
