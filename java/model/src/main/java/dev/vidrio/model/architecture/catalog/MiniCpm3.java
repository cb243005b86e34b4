package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.decoder.Plans;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.LatentAttention;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.RopeReader;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;

/**
 * MiniCPM3: {@link LatentAttention} with MiniCPM's constants, which its files may leave out, and
 * LongRoPE as in {@link Phi}.
 */
final class MiniCpm3 {
  private static final float MIN = 1e-6f;
  private static final float MAX = 1e6f;

  /** Defaults of files without the keys. */
  private static final float EMBEDDING_SCALE = 12;

  private static final double DEPTH_SCALE = 1.4;
  private static final float BASE_WIDTH = 256;

  private MiniCpm3() {}

  static Architecture read(Hyperparameters params, WeightLoader weights) {
    ModelDimensions dimensions = LatentAttention.dimensions(params, 0);
    var model = new Transformer(params, dimensions, weights, NormKind.RMS, true);
    RopeReader rope = model.rope(Rotation.Pairs.INTERLEAVED);
    Rotation shorter = rope.scaled(Phi.divisors(weights, "short", rope));
    Rotation longer = rope.scaled(Phi.divisors(weights, "long", rope));
    var attention = new LatentAttention(model, Rotation.Pairs.HALVES, shorter, 1);
    float depth = (float) (DEPTH_SCALE / Math.sqrt(dimensions.layers()));
    Sublayer scale = model.scale(params.floatValue("residual_scale", MIN, MAX, depth));
    Buffer x = model.embed(params.floatValue("embedding_scale", MIN, MAX, EMBEDDING_SCALE));
    for (Layer layer : model.layers()) {
      x =
          layer.preNorm(
              x,
              attention.of(layer).then("unscaled", scale),
              layer.gatedFfn(ActivationKind.SILU).then("unscaled", scale));
    }
    float width = params.floatValue("logit_scale", MIN, MAX, dimensions.d() / BASE_WIDTH);
    Architecture read =
        Plans.finish(model, x, model.unembedding().then("unscaled", model.scale(1 / width)));
    return Plans.withLongContext(
        read, rope.originalContext(), attention.behind(shorter), attention.behind(longer));
  }
}
