package dev.vidrio.model.architecture.catalog;

import static dev.vidrio.kernel.op.ExpertOp.RouteOver.CHOSEN;
import static dev.vidrio.kernel.op.ExpertOp.RouteScore.SIGMOID;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Nemotron-H (arXiv 2504.03624) and Nemotron 3: each layer is one sublayer, {@link Mamba2},
 * attention without RoPE, or a plain feed-forward block of squared ReLU, dense or experts. Draft
 * blocks are ignored.
 */
final class NemotronH {
  private NemotronH() {}

  static Architecture readDense(Hyperparameters params, WeightLoader weights) {
    return read(params, weights, false);
  }

  static Architecture readMixture(Hyperparameters params, WeightLoader weights) {
    return read(params, weights, true);
  }

  private static Architecture read(Hyperparameters params, WeightLoader weights, boolean mixture) {
    var net = Mamba2.read(params);
    int drafts = ModelDimensions.draftBlocks(params);
    int layers = ModelDimensions.layers(params, drafts);
    List<Integer> widths =
        params.perLayer(ModelDimensions.FFN_WIDTH, layers + drafts, 0, ModelDimensions.MAX_WIDTH);
    ModelDimensions dimensions = dimensions(params, net, widths.subList(0, layers), drafts);
    weights.ignoreBlocks(layers, drafts);
    var model = new Transformer(params, dimensions, weights, NormKind.RMS, true);
    Attention attention = Attention.noPe(params.attentionScale(dimensions.dH()));
    @Nullable Experts experts = mixture ? experts(params, dimensions) : null;
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
      boolean attends = dimensions.kvShape().hasKeys(cache);
      x = cached.mixerAlone(x, attends ? cached.attention(attention) : net.of(model, cached));
      cache++;
    }
    return model.finish(x, model.unembedding());
  }

  private static Experts experts(Hyperparameters params, ModelDimensions dimensions) {
    return Experts.read(params, dimensions, SIGMOID, CHOSEN)
        .scaled(params)
        .ungated(ActivationKind.SQUARED_RELU)
        .shared(params);
  }

  /** Returns dimensions with a cache of only the layers that have keys and values or states. */
  private static ModelDimensions dimensions(
      Hyperparameters params, Mamba2 net, List<Integer> widths, int drafts) {
    int layers = widths.size();
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    List<Integer> kvHeads = ModelDimensions.kvHeadsPerLayer(params, layers + drafts);
    List<KvShape.Layer> caches = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      if (widths.get(l) == 0) {
        int heads = kvHeads.get(l);
        caches.add(heads == 0 ? net.state() : new KvShape.KeyValue(heads, dH));
      }
    }
    if (caches.isEmpty()) {
      throw params.error(
          ModelDimensions.FFN_WIDTH, widths.toString(), "leaves no layer for anything else");
    }
    return ModelDimensions.read(params, layers, dH, Collections.max(widths), new KvShape(caches));
  }
}
