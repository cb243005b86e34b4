package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Nemotron-H (arXiv 2504.03624) and Nemotron 3: each layer is one residual step, {@link Mamba2},
 * attention that does not turn, or a plain feed-forward block of squared ReLU, in whose place may
 * be experts of the same kind. Blocks that draft tokens are passed over.
 */
final class NemotronH {
  private NemotronH() {}

  static Architecture readDense(Keys keys, WeightLoader weights) {
    return read(keys, weights, false);
  }

  static Architecture readMixture(Keys keys, WeightLoader weights) {
    return read(keys, weights, true);
  }

  private static Architecture read(Keys keys, WeightLoader weights, boolean mixture) {
    var net = Mamba2.read(keys);
    int drafts = Sizes.drafts(keys);
    int layers = Sizes.layers(keys, drafts);
    List<Integer> widths = keys.inEachLayer(Sizes.FFN_WIDTH, layers + drafts, 0, Sizes.MAX_WIDTH);
    Sizes sizes = sizes(keys, net, widths.subList(0, layers), drafts);
    weights.ignoreBlocks(layers, drafts);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention = Attention.scaled(keys.attentionScale(sizes.dH()));
    @Nullable Experts experts = mixture ? experts(keys, sizes) : null;
    Buffer x = model.embed();
    int cache = 0;
    for (Layer layer : model.layers()) {
      int width = widths.get(layer.index());
      if (width > 0) {
        Sublayer ffn =
            experts == null
                ? layer.plainFfn(ActivationKind.SQUARED_RELU, width)
                : layer.mixture(experts);
        x = layer.ffnAlone(x, "attn_norm", ffn);
        continue;
      }
      Layer cached = layer.cachedAt(cache);
      x =
          sizes.kvShape().hasKeys(cache)
              ? layer.attentionAlone(x, cached.attention(attention))
              : layer.recurrenceAlone(x, net.of(model, cached));
      cache++;
    }
    return Architecture.of(model, x, model.unembedding());
  }

  private static Experts experts(Keys keys, Sizes sizes) {
    return Experts.read(keys, sizes, RouteScore.SIGMOID, RouteOver.CHOSEN)
        .scaled(keys)
        .ungated(ActivationKind.SQUARED_RELU)
        .shared(keys);
  }

  /** The cache has only those layers that keep something. */
  private static Sizes sizes(Keys keys, Mamba2 net, List<Integer> widths, int drafts) {
    int layers = widths.size();
    int dH = Sizes.headWidth(keys, "attention.key_length", "attention.value_length");
    List<Integer> kvHeads = Sizes.kvHeadsOfLayers(keys, layers + drafts);
    List<KvShape.Layer> caches = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      if (widths.get(l) == 0) {
        int heads = kvHeads.get(l);
        caches.add(heads == 0 ? net.sizes() : new KvShape.KeyValue(heads, dH));
      }
    }
    if (caches.isEmpty()) {
      throw keys.error(Sizes.FFN_WIDTH, widths.toString(), "leaves no layer for anything else");
    }
    return Sizes.read(keys, layers, dH, Collections.max(widths), new KvShape(caches));
  }
}
