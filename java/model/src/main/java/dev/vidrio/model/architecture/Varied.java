package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Models whose layers differ in heads and width. OpenELM (arXiv 2404.14619) is {@link Qwen3}
 * otherwise. DeciLM and the Llama Nemotrons that architecture search made (arXiv 2411.19146) are
 * {@link Llama}; their layers may have a linear map in the place of attention, or lack a step.
 */
final class Varied {
  private Varied() {}

  static Architecture readOpenElm(Keys keys, WeightLoader weights) {
    return read(keys, weights, Rotation.Pairs.HALVES, a -> a.normalized(QueryKeyNorm.HEAD));
  }

  static Architecture readDeci(Keys keys, WeightLoader weights) {
    return read(keys, weights, Rotation.Pairs.INTERLEAVED, UnaryOperator.identity());
  }

  private static Architecture read(
      Keys keys, WeightLoader weights, Rotation.Pairs pairs, UnaryOperator<Attention> norm) {
    Sizes sizes = Sizes.varied(keys, 0);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention =
        norm.apply(
            Attention.scaled(keys.attentionScale(sizes.dH())).rotated(model.rope(pairs).scaled()));
    List<Integer> kvHeads = Sizes.kvHeadsOfLayers(keys, sizes.layerHeads());
    List<Integer> widths = Sizes.widths(keys, sizes.layers());
    Buffer x = model.embed();
    int cache = 0;
    for (Layer layer : model.layers()) {
      int l = layer.index();
      boolean attends = kvHeads.get(l) > 0;
      Sublayer first =
          attends
              ? layer.cachedAt(cache).attention(attention)
              : (hook, y) -> model.linear(hook, layer.tensor("attn_output"), sizes.d(), y);
      Sublayer ffn = layer.gatedFfn(ActivationKind.SILU, widths.get(l));
      cache += attends ? 1 : 0;
      x = block(layer, x, sizes.heads(l) > 0 ? first : null, widths.get(l) > 0 ? ffn : null);
    }
    return Architecture.of(model, x, model.unembedding());
  }

  private static Buffer block(
      Layer layer, Buffer x, @Nullable Sublayer first, @Nullable Sublayer ffn) {
    if (first == null) {
      return ffn == null ? layer.nothing(x) : layer.ffnAlone(x, "ffn_norm", ffn);
    }
    return ffn == null ? layer.attentionAlone(x, first) : layer.preNorm(x, first, ffn);
  }
}
