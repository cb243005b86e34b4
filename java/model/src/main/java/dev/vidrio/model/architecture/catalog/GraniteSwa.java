package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.model.huggingface.mapping.LayerTensors.tensor;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import dev.vidrio.model.huggingface.mapping.ExpertNames;
import dev.vidrio.model.huggingface.mapping.GraniteNames;
import dev.vidrio.model.huggingface.mapping.LlamaNames;
import dev.vidrio.model.huggingface.mapping.MappingSpec;
import dev.vidrio.model.huggingface.mapping.Rope;
import dev.vidrio.model.huggingface.mapping.SlidingWindow;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Checkpoints of Granite with attention sinks and windows. */
final class GraniteSwa {
  private static final String BASES = "layer_rope_theta";

  private static final MappingSpec COMMON =
      MappingSpec.of(
              LlamaNames::norms,
              LlamaNames::interleavedAttention,
              tensor("self_attn.sinks", "attn_sinks.weight"))
          .rope(GraniteSwa::rope)
          .keys(GraniteNames::scales, GraniteSwa::windows);

  static final MappingSpec DENSE = COMMON.rmsEpsilon(1e-5).and(LlamaNames::gatedFfn);

  static final MappingSpec EXPERTS =
      COMMON
          .keys(
              ExpertNames::counts,
              (config, out) -> {
                if (GraniteNames.sharedWidth(config) > 0) {
                  GraniteNames.sharedWidth(config, out);
                }
              })
          .and(GraniteSwa::experts);

  private GraniteSwa() {}

  private static void windows(Config config, MetadataBuilder out) {
    int layers = config.size("num_hidden_layers");
    List<Boolean> slides = IntStream.range(0, layers).mapToObj(l -> l % 4 != 0).toList();
    out.integer("attention.sliding_window", config.size("sliding_window", 128))
        .bools(
            "attention.sliding_window_pattern",
            config.has("layer_types") ? SlidingWindow.layers(config, 1) : slides);
    if (config.has(BASES)) {
      List<Boolean> rotated = new ArrayList<>();
      for (float base : config.reals(BASES)) {
        rotated.add(base != 0);
      }
      if (rotated.size() != layers) {
        throw config.error(BASES, rotated.size() + " bases", "must be " + layers);
      }
      if (rotated.contains(false)) {
        out.bools("attention.rope_pattern", rotated);
      }
    }
  }

  /** Returns RoPE. The base must be equal in all layers with RoPE; 0 means a layer without. */
  private static Rope rope(Config config) {
    Rope rope = Rope.of(config);
    if (!config.has(BASES)) {
      return rope;
    }
    double base = 0;
    for (float own : config.reals(BASES)) {
      if (own != 0 && base != 0 && own != base) {
        throw config.unsupported(BASES, "" + own, "all layers with RoPE must have one base");
      }
      base = own == 0 ? base : own;
    }
    return base == 0 ? rope : rope.based(base, rope.type());
  }

  private static void experts(Config config, TensorMap layer, int index) {
    layer.take("block_sparse_moe.router.weight", "ffn_gate_inp.weight");
    ExpertNames.fused(layer, "block_sparse_moe.experts.");
    if (GraniteNames.sharedWidth(config) > 0) {
      layer.take("shared_mlp.input_linear.weight", "ffn_up_shexp.weight");
      layer.take("shared_mlp.output_linear.weight", "ffn_down_shexp.weight");
    }
  }
}
