package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp.Grouping;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.Behind;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.GatedDeltaNet;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Qwen3-Next and Qwen3.5: the attention of {@link Qwen3}, with gates behind its heads, in each
 * fourth layer, and Gated DeltaNet in the others; the blocks of {@link Qwen2Moe}, or dense ones.
 * Blocks that draft tokens are passed over.
 */
final class QwenNext {
  private static final String FFN_NORM = "post_attention_norm";
  private static final int LAYERS_PER_FULL = 4;

  private QwenNext() {}

  static Architecture readNext(Keys keys, WeightLoader weights) {
    return read(keys, weights, Grouping.ADJACENT, true);
  }

  static Architecture readDense(Keys keys, WeightLoader weights) {
    return read(keys, weights, Grouping.TILED, false);
  }

  static Architecture readMixture(Keys keys, WeightLoader weights) {
    return read(keys, weights, Grouping.TILED, true);
  }

  private static Architecture read(
      Keys keys, WeightLoader weights, Grouping grouping, boolean mixture) {
    var net = GatedDeltaNet.read(keys, grouping);
    Sizes sizes = sizes(keys, net.sizes(), mixture);
    weights.ignoreBlocks(sizes.layers(), Sizes.drafts(keys));
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention =
        Attention.scaled(keys.attentionScale(sizes.dH()))
            .normalized(QueryKeyNorm.HEAD)
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled())
            .behind(Behind.GATE_IN_QUERIES);
    @Nullable Experts experts =
        mixture
            ? Experts.read(keys, sizes, RouteScore.SOFTMAX, RouteOver.CHOSEN)
                .scaled(keys)
                .shared(keys)
            : null;
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer ffn = experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      x =
          sizes.kvShape().hasKeys(layer.index())
              ? layer.preNorm(x, layer.attention(attention), FFN_NORM, ffn)
              : layer.preNormRecurrent(x, net.of(model, layer), FFN_NORM, ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }

  private static Sizes sizes(Keys keys, KvShape.Layer recurrent, boolean mixture) {
    int layers = Sizes.layers(keys, Sizes.drafts(keys));
    int dH = Sizes.headWidth(keys, "attention.key_length", "attention.value_length");
    var heads = new KvShape.KeyValue(Sizes.kvHeads(keys, Sizes.heads(keys)), dH);
    IntPredicate recurs = recurrentLayers(keys);
    List<KvShape.Layer> caches =
        IntStream.range(0, layers).mapToObj(l -> recurs.test(l) ? recurrent : heads).toList();
    // Files of mixtures need not say how wide a dense block would be.
    String width =
        mixture && !keys.has(Sizes.FFN_WIDTH) ? "expert_feed_forward_length" : Sizes.FFN_WIDTH;
    int dFfn = keys.sameInEveryLayer(width, 1, Sizes.MAX_WIDTH);
    return Sizes.read(keys, layers, dH, dFfn, new KvShape(caches));
  }

  private static IntPredicate recurrentLayers(Keys keys) {
    String key = "attention.recurrent_layers";
    if (keys.has(key)) {
      return keys.layers(key);
    }
    int interval = keys.intValue("full_attention_interval", 1, Integer.MAX_VALUE, LAYERS_PER_FULL);
    return l -> (l + 1) % interval != 0;
  }
}
