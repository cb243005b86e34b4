package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ShortConv;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import org.jspecify.annotations.Nullable;

/**
 * LFM2 (Liquid AI, arXiv 2511.23404): {@link Qwen3} with gated short convolutions in the place of
 * attention in most layers, those without key-value heads. The large ones have dense layers first,
 * then experts that sigmoids and a bias choose.
 */
final class Lfm2 {
  private Lfm2() {}

  static Architecture readDense(Keys keys, WeightLoader weights) {
    return read(keys, weights, false);
  }

  static Architecture readMixture(Keys keys, WeightLoader weights) {
    return read(keys, weights, true);
  }

  private static Architecture read(Keys keys, WeightLoader weights, boolean mixture) {
    int d = keys.intValue("embedding_length", 1, Sizes.MAX_WIDTH);
    Sizes sizes = Sizes.hybrid(keys, new KvShape.Conv(d));
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention =
        Attention.scaled(keys.attentionScale(sizes.dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    int length = keys.intValue("shortconv.l_cache", 1, KvCache.BLOCK);
    @Nullable Experts experts =
        mixture
            ? Experts.read(keys, sizes, RouteScore.SIGMOID, RouteOver.CHOSEN)
                .scaled(keys)
                .placed(keys, sizes)
            : null;
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer ffn = experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      x =
          sizes.kvShape().hasKeys(layer.index())
              ? layer.preNorm(x, layer.attention(attention), ffn)
              : layer.preNormConv(x, ShortConv.of(model, layer, length), ffn);
    }
    return Architecture.of(model, "token_embd_norm", x, model.unembedding());
  }
}
