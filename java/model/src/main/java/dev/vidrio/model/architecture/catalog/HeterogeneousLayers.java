package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Models whose layers differ in heads and width: OpenELM (arXiv 2404.14619), otherwise like Qwen 3,
 * and DeciLM and Llama Nemotron, from architecture search (arXiv 2411.19146), otherwise like Llama,
 * whose layers may have a linear map instead of attention, or lack a sublayer.
 */
final class HeterogeneousLayers {
  private HeterogeneousLayers() {}

  static Architecture readOpenElm(Hyperparameters params, WeightLoader weights) {
    return read(
        params, weights, Rotation.Pairs.HALVES, a -> a.withQueryKeyNorm(QueryKeyNorm.PER_HEAD));
  }

  static Architecture readDeci(Hyperparameters params, WeightLoader weights) {
    return read(params, weights, Rotation.Pairs.INTERLEAVED, UnaryOperator.identity());
  }

  private static Architecture read(
      Hyperparameters params,
      WeightLoader weights,
      Rotation.Pairs pairs,
      UnaryOperator<Attention> norm) {
    ModelDimensions dimensions = ModelDimensions.heterogeneous(params, 0);
    var model = new Transformer(params, dimensions, weights, NormKind.RMS, true);
    Attention attention =
        norm.apply(
            Attention.noPe(params.attentionScale(dimensions.dH()))
                .withRope(model.rope(pairs).scaled()));
    List<Integer> kvHeads = ModelDimensions.kvHeadsPerLayer(params, dimensions.layerHeads());
    List<Integer> widths = ModelDimensions.widths(params, dimensions.layers());
    Buffer x = model.embed();
    int cache = 0;
    for (Layer layer : model.layers()) {
      int l = layer.index();
      boolean attends = kvHeads.get(l) > 0;
      Sublayer first =
          attends
              ? layer.cachedAt(cache).attention(attention)
              : (hook, y) -> model.linear(hook, layer.tensor("attn_output"), dimensions.d(), y);
      Sublayer ffn = layer.gatedFfn(ActivationKind.SILU, widths.get(l));
      cache += attends ? 1 : 0;
      x = block(layer, x, dimensions.heads(l) > 0 ? first : null, widths.get(l) > 0 ? ffn : null);
    }
    return model.finish(x, model.unembedding());
  }

  private static Buffer block(
      Layer layer, Buffer x, @Nullable Sublayer first, @Nullable Sublayer ffn) {
    if (first == null) {
      return ffn == null ? layer.nothing(x) : layer.ffnAlone(x, "ffn_norm", ffn);
    }
    return ffn == null ? layer.mixerAlone(x, first) : layer.preNorm(x, first, ffn);
  }
}
