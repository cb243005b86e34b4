package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.model.architecture.decoder.AttentionSpec;
import dev.vidrio.model.architecture.decoder.BlockOrder;
import dev.vidrio.model.architecture.decoder.DecoderSpec;
import dev.vidrio.model.architecture.decoder.FeedForwardSpec;
import dev.vidrio.model.architecture.decoder.MixerSpec;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Transformer;
import java.util.List;
import java.util.function.IntFunction;

/**
 * Models with layers that differ in heads and width: OpenELM (arXiv 2404.14619), otherwise like
 * Qwen 3, and DeciLM and Llama Nemotron, from architecture search (arXiv 2411.19146), otherwise
 * like Llama. Layers of the last two may have a linear map instead of attention, or lack a
 * sublayer.
 */
final class HeterogeneousLayers {
  private HeterogeneousLayers() {}

  static DecoderSpec spec(AttentionSpec attention) {
    return DecoderSpec.of(mixer(attention))
        .dimensions(ModelDimensions::heterogeneous)
        .feedForward(HeterogeneousLayers::feedForward)
        .block(HeterogeneousLayers::block);
  }

  /** Returns attention in layers with key-value heads, and a linear map in the others. */
  private static MixerSpec mixer(AttentionSpec attention) {
    return model -> {
      IntFunction<Attention> attentions = attention.layers(model);
      ModelDimensions dimensions = model.dimensions();
      List<Integer> kvHeads =
          ModelDimensions.kvHeadsPerLayer(model.params(), dimensions.layerHeads());
      return layer -> {
        int l = layer.index();
        long cache = kvHeads.subList(0, l).stream().filter(heads -> heads > 0).count();
        return kvHeads.get(l) > 0
            ? layer.cachedAt((int) cache).attention(attentions.apply(l))
            : (hook, x) -> model.linear(hook, layer.tensor("attn_output"), dimensions.d(), x);
      };
    };
  }

  private static FeedForwardSpec.OfLayer feedForward(Transformer model) {
    List<Integer> widths = widths(model);
    return (layer, residPre) -> layer.gatedFfn(ActivationKind.SILU, widths.get(layer.index()));
  }

  private static List<Integer> widths(Transformer model) {
    return ModelDimensions.widths(model.params(), model.dimensions().layers());
  }

  private static BlockOrder.Writer block(Transformer model) {
    List<Integer> widths = widths(model);
    return (layer, x, mixer, ffn) -> {
      boolean feeds = widths.get(layer.index()) > 0;
      if (model.dimensions().heads(layer.index()) == 0) {
        return feeds ? layer.ffnAlone(x, "ffn_norm", ffn) : layer.nothing(x);
      }
      return feeds ? layer.preNorm(x, mixer, ffn) : layer.mixerAlone(x, mixer);
    };
  }
}
