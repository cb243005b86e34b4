package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.Behind;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.ShortConv;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.IntPredicate;

/**
 * LFM3 (Liquid AI): {@link Lfm2} with norms behind its sublayers, a gate for each head, and
 * attention that slides in some layers and turns there otherwise.
 */
final class Lfm3 {
  private static final String POST_NORM = "post_attention_norm";

  private Lfm3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    int d = keys.intValue("embedding_length", 1, Sizes.MAX_WIDTH);
    Sizes sizes = Sizes.hybrid(keys, new KvShape.Conv(d));
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full =
        Attention.scaled(keys.attentionScale(sizes.dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(rope.scaled())
            .behind(Behind.GATE_OF_HEADS);
    Attention sliding =
        full.rotated(rope.plain("rope.freq_base_swa", 10000))
            .windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.layers("attention.sliding_window_pattern");
    int length = keys.intValue("shortconv.l_cache", 1, KvCache.BLOCK);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      int l = layer.index();
      Sublayer ffn = layer.ln2Post("post_ffw_norm", layer.gatedFfn(ActivationKind.SILU));
      x =
          sizes.kvShape().hasKeys(l)
              ? layer.preNorm(
                  x,
                  layer.ln1Post(POST_NORM, layer.attention(slides.test(l) ? sliding : full)),
                  ffn)
              : layer.preNormConv(
                  x, layer.normalized(POST_NORM, ShortConv.of(model, layer, length)), ffn);
    }
    return Architecture.of(model, "token_embd_norm", x, model.unembedding());
  }
}
