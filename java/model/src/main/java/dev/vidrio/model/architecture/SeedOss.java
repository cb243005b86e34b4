package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/** Seed-OSS (ByteDance 2025): {@link Qwen2}, with another name for the second norm. */
final class SeedOss {
  private SeedOss() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Attention attention =
        Attention.scaled(keys.attentionScale(model.sizes().dH()))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      Sublayer attend = layer.attention(attention);
      Sublayer ffn = layer.gatedFfn(ActivationKind.SILU);
      x =
          layer.sequential(
              x,
              (hook, y) -> attend.write(hook, layer.ln1(y)),
              (hook, y) -> ffn.write(hook, layer.ln2("post_attention_norm", y)));
    }
    return Architecture.of(model, x, model.unembedding());
  }
}
