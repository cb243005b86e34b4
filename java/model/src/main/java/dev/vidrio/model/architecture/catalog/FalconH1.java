package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.List;

/**
 * Falcon-H1 (arXiv 2507.22448): attention and {@link Mamba2} in parallel in each layer, then a
 * gated feed-forward block. The weights hold the multipliers of the original.
 */
final class FalconH1 {
  private FalconH1() {}

  static Architecture read(Hyperparameters params, WeightLoader weights) {
    Mamba2 net = Mamba2.read(params).normalizing(weights.has("blk.0.ssm_norm.weight"));
    var model = new Transformer(params, dimensions(params, net), weights, NormKind.RMS, true);
    Attention attention =
        Attention.noPe(params.attentionScale(model.dimensions().dH()))
            .withRope(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = step(model, layer, attention, net, x);
    }
    return model.finish(x, model.unembedding());
  }

  /** Returns dimensions whose cache has keys and values of each layer, followed by its states. */
  private static ModelDimensions dimensions(Hyperparameters params, Mamba2 net) {
    int layers = ModelDimensions.layers(params, 0);
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    int kvHeads = ModelDimensions.kvHeads(params, ModelDimensions.heads(params));
    List<KvShape.Layer> caches = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      caches.add(new KvShape.KeyValue(kvHeads, dH));
      caches.add(net.state());
    }
    int dFfn = params.uniform(ModelDimensions.FFN_WIDTH, 1, ModelDimensions.MAX_WIDTH);
    return ModelDimensions.read(params, layers, dH, dFfn, new KvShape(caches));
  }

  private static Buffer step(
      Transformer model, Layer layer, Attention attention, Mamba2 net, Buffer residPre) {
    PlanBuilder plan = model.plan();
    Buffer read = layer.ln1(layer.hook(HookSite.RESID_PRE, residPre));
    Layer keys = layer.cachedAt(2 * layer.index());
    Layer states = layer.cachedAt(2 * layer.index() + 1);
    Buffer attended = keys.attention(attention).write(layer.hook(HookSite.ATTN_OUT), read);
    Buffer recurrent = net.of(model, states).write(layer.hook(HookSite.RECURRENT_OUT), read);
    Buffer both = plan.add(layer.hook("attn_and_recurrent_out"), attended, recurrent);
    Buffer residMid = plan.add(layer.hook(HookSite.RESID_MID), residPre, both);
    Buffer ffnOut =
        layer
            .gatedFfn(ActivationKind.SILU)
            .write(layer.hook(HookSite.MLP_OUT), layer.ln2(residMid));
    return plan.add(layer.hook(HookSite.RESID_POST), residMid, ffnOut);
  }
}
