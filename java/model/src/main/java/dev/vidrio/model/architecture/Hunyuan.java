package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.function.Function;

/**
 * Hunyuan (Tencent 2025): {@link Qwen3} that normalizes queries and keys once they turned. The
 * larger models have experts, and a shared one. Maincoder is like the smaller.
 */
final class Hunyuan {
  private Hunyuan() {}

  static Architecture readDense(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    return read(model, Rotation.Pairs.HALVES, layer -> layer.gatedFfn(ActivationKind.SILU));
  }

  /** Maincoder, whose rotary pairs are adjacent. */
  static Architecture readAdjacent(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    return read(model, Rotation.Pairs.INTERLEAVED, layer -> layer.gatedFfn(ActivationKind.SILU));
  }

  static Architecture readMixture(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    Experts experts =
        Experts.read(keys, model.sizes(), RouteScore.SOFTMAX, RouteOver.CHOSEN).shared(keys);
    return read(model, Rotation.Pairs.HALVES, layer -> layer.mixture(experts));
  }

  private static Architecture read(
      Transformer model, Rotation.Pairs pairs, Function<Layer, Sublayer> ffn) {
    Attention attention =
        Attention.scaled(model.keys().attentionScale(model.sizes().dH()))
            .normalized(QueryKeyNorm.TURNED_HEAD)
            .rotated(model.rope(pairs).scaled());
    return Architecture.of(
        model, model.preNorm(model.embed(), attention, ffn), model.unembedding());
  }
}
