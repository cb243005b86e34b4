package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Mamba2;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.List;

/**
 * Falcon-H1 (arXiv 2507.22448): in each layer attention and {@link Mamba2} side by side, then a
 * gated feed-forward block. The many multipliers of the original are in the weights.
 */
final class FalconH1 {
  private FalconH1() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    Mamba2 net = Mamba2.read(keys).normalizing(weights.has("blk.0.ssm_norm.weight"));
    var model = new Transformer(keys, sizes(keys, net), weights, NormKind.RMS, true);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      x = step(model, layer, attention, net, x);
    }
    return Architecture.of(model, x, model.unembedding());
  }

  /** The cache has keys and values of each layer, and behind them its states. */
  private static Sizes sizes(Keys keys, Mamba2 net) {
    int layers = Sizes.layers(keys, 0);
    int dH = Sizes.headWidth(keys, "attention.key_length", "attention.value_length");
    int kvHeads = Sizes.kvHeads(keys, Sizes.heads(keys));
    List<KvShape.Layer> caches = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      caches.add(new KvShape.KeyValue(kvHeads, dH));
      caches.add(net.sizes());
    }
    int dFfn = keys.sameInEveryLayer(Sizes.FFN_WIDTH, 1, Sizes.MAX_WIDTH);
    return Sizes.read(keys, layers, dH, dFfn, new KvShape(caches));
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
