package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Arctic (Snowflake 2024): {@link Llama} with experts beside each feed-forward block, as narrow as
 * the stream, that read what the layer reads, before its attention.
 */
final class Arctic {
  private static final String NORM = "ffn_norm_exps";

  private Arctic() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled());
    Experts experts = Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN);
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Buffer residPre = x;
      Sublayer dense = layer.sharedFfn(ActivationKind.SILU, model.sizes().d());
      Sublayer mixture =
          (hook, y) -> {
            Buffer read = model.norm(layer.hook("experts_in"), layer.tensor(NORM), residPre);
            Buffer routed = layer.mixture(experts).write(hook + ".routed", read);
            return model.plan().add(hook, dense.write(hook + ".dense", y), routed);
          };
      x = layer.preNorm(x, layer.attention(attention), mixture);
    }
    return Architecture.of(model, x, model.unembedding());
  }
}
