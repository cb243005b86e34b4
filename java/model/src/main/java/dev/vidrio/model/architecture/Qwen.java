package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * Qwen, the first (arXiv 2309.16609): {@link Qwen2} whose queries, keys and values are one
 * projection, split here. Files say the width of gate and up together. What its code does beyond
 * the context of its training (another base, queries that grow) no file says.
 */
final class Qwen {
  private Qwen() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    int layers = Sizes.layers(keys, 0);
    int dH = Sizes.headWidth(keys, "attention.key_length", "attention.value_length");
    KvShape kv = new KvShape(layers, Sizes.kvHeads(keys, Sizes.heads(keys)), dH);
    Sizes sizes = Sizes.read(keys, layers, dH, ffnWidth(keys), kv);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    Attention attention =
        Attention.scaled(keys.attentionScale(dH))
            .rotated(model.rope(Rotation.Pairs.HALVES).scaled());
    Buffer x =
        model.preNorm(model.embed(), attention, layer -> layer.gatedFfn(ActivationKind.SILU));
    return Architecture.of(model, x, model.unembedding());
  }

  private static int ffnWidth(Keys keys) {
    int both = keys.sameInEveryLayer(Sizes.FFN_WIDTH, 2, 2 * Sizes.MAX_WIDTH);
    if (both % 2 != 0) {
      throw keys.error(Sizes.FFN_WIDTH, Integer.toString(both), "must be even");
    }
    return both / 2;
  }
}
