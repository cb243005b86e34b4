package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * MiMo V2 (Xiaomi 2025): most layers have a sliding window, sinks, more keys and values and a
 * rotation of their own. Values are shorter than keys. Dense layers come first, then experts that
 * sigmoids and a bias choose. Blocks that draft tokens are passed over.
 */
final class MiMo2 {
  private static final String KV_HEADS = "attention.head_count_kv";
  private static final String WINDOW_BASE = "rope.freq_base_swa";
  private static final float MIN_SCALE = 1e-6f;
  private static final float MAX_SCALE = 1e6f;

  private MiMo2() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    int drafts = Sizes.drafts(keys);
    Sizes sizes = sizes(keys, drafts);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    weights.ignoreBlocks(sizes.layers(), drafts);
    RopeReader rope = model.rope(Rotation.Pairs.HALVES);
    Attention full = Attention.scaled(keys.attentionScale(sizes.dH())).rotated(rope.scaled());
    // The values' factor, which what heads write has as well.
    Sublayer scale = model.scale(keys.floatValue("attention.value_scale", MIN_SCALE, MAX_SCALE, 1));
    String base = keys.has(WINDOW_BASE) ? WINDOW_BASE : "rope.freq_base";
    Attention sliding =
        full.rotated(rope.plain(base, 10000f))
            .windowed(keys.intValue("attention.sliding_window", 1, Integer.MAX_VALUE));
    IntPredicate slides = keys.layers("attention.sliding_window_pattern");
    Experts experts =
        Experts.read(keys, sizes, RouteScore.SIGMOID, RouteOver.CHOSEN)
            .scaled(keys)
            .placed(weights, sizes);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Attention attention = slides.test(layer.index()) ? sliding : full;
      Sublayer attend = layer.attention(attention).then("unscaled", scale);
      x = layer.preNorm(x, attend, layer.mixture(experts));
    }
    return Architecture.of(model, x, model.unembedding());
  }

  private static Sizes sizes(Keys keys, int drafts) {
    int layers = Sizes.layers(keys, drafts);
    int heads = Sizes.heads(keys);
    int dH = keys.intValue("attention.key_length", 2, KvShape.HEAD_MAX);
    int dV = keys.intValue("attention.value_length", 1, KvShape.HEAD_MAX, dH);
    List<KvShape.Layer> caches =
        keys.inEachLayer(KV_HEADS, layers + drafts, 1, heads).stream()
            .limit(layers)
            .map(count -> Sizes.requireDivides(keys, KV_HEADS, count, heads))
            .<KvShape.Layer>map(count -> new KvShape.KeyValue(count, dH, dV))
            .toList();
    int dFfn = keys.sameInEveryLayer(Sizes.FFN_WIDTH, 1, Sizes.MAX_WIDTH);
    return Sizes.read(keys, layers, dH, dFfn, new KvShape(caches));
  }
}
