package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.LatentAttention;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * MiniCPM3: {@link LatentAttention}, with the constants of MiniCPM ({@link Granite}), which its
 * files leave out, and the divisors of frequencies that {@link Phi3} has.
 */
final class MiniCpm3 {
  private static final float MIN = 1e-6f;
  private static final float MAX = 1e6f;

  /** What files without the keys mean. */
  private static final float EMBEDDING_SCALE = 12;

  private static final double DEPTH_SCALE = 1.4;
  private static final float BASE_WIDTH = 256;

  private MiniCpm3() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    Sizes sizes = LatentAttention.sizes(keys, 0);
    var model = new Transformer(keys, sizes, weights, NormKind.RMS, true);
    RopeReader rope = model.rope(Rotation.Pairs.INTERLEAVED);
    Rotation shorter = rope.scaled(Phi3.divisors(weights, "short", rope));
    Rotation longer = rope.scaled(Phi3.divisors(weights, "long", rope));
    var attention = new LatentAttention(model, Rotation.Pairs.HALVES, shorter, 1);
    float depth = (float) (DEPTH_SCALE / Math.sqrt(sizes.layers()));
    Sublayer scale = model.scale(keys.floatValue("residual_scale", MIN, MAX, depth));
    Buffer x = model.embed(keys.floatValue("embedding_scale", MIN, MAX, EMBEDDING_SCALE));
    for (Layer layer : model.layers()) {
      x =
          layer.preNorm(
              x,
              attention.of(layer).then("unscaled", scale),
              layer.gatedFfn(ActivationKind.SILU).then("unscaled", scale));
    }
    float width = keys.floatValue("logit_scale", MIN, MAX, sizes.d() / BASE_WIDTH);
    return Architecture.of(model, x, model.unembedding().then("unscaled", model.scale(1 / width)))
        .withLongContext(
            rope.originalContext(), attention.behind(shorter), attention.behind(longer));
  }
}
