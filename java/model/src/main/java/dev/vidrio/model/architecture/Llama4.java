package dev.vidrio.model.architecture;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp.RouteOver;
import dev.vidrio.kernel.op.ExpertOp.RouteScore;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.Rotation.Temperature;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.model.block.Attention;
import dev.vidrio.model.block.Attention.QueryKeyNorm;
import dev.vidrio.model.block.Experts;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import org.jspecify.annotations.Nullable;

/**
 * Llama 4 (Meta AI 2025): three layers of four turn their queries and keys and attend within
 * stretches of 8192 positions; every fourth attends to all, without knowing them, by queries that
 * grow with the position. In some layers or all, a token goes to one expert, whose input its weight
 * scales, and to a shared one. Files without a window (MobileLLM) have none of the fourth kind.
 */
final class Llama4 {
  private static final int LAYERS_PER_FULL = 4;
  private static final int STRETCH = 8192;
  private static final float GROWTH = 0.1f;
  private static final float MAX_GROWTH = 1e3f;

  /** Of Maverick, the model that does not normalize queries and keys. */
  private static final int EXPERTS_WITHOUT_NORM = 128;

  private Llama4() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    var model = new Transformer(keys, weights, NormKind.RMS);
    @Nullable Experts experts = experts(keys, model);
    boolean normalizes = experts == null || experts.routing().count() != EXPERTS_WITHOUT_NORM;
    int stretch = keys.window(STRETCH);
    Attention plain = Attention.scaled(keys.attentionScale(model.sizes().dH()));
    Attention local =
        plain
            .rotated(model.rope(Rotation.Pairs.INTERLEAVED).scaled())
            .normalized(normalizes ? QueryKeyNorm.TURNED_HEAD_NO_GAIN : QueryKeyNorm.NONE)
            .windowed(Window.aligned(stretch));
    Attention full = plain.heated(temperature(keys));
    Buffer x = model.embed();
    for (Layer layer : model.layers()) {
      boolean isLocal = stretch == 0 || (layer.index() + 1) % LAYERS_PER_FULL != 0;
      Sublayer ffn = experts == null ? layer.gatedFfn(ActivationKind.SILU) : layer.mixture(experts);
      x = layer.preNorm(x, layer.attention(isLocal ? local : full), ffn);
    }
    return Architecture.of(model, x, model.unembedding());
  }

  private static @Nullable Experts experts(Keys keys, Transformer model) {
    if (!Experts.has(keys)) {
      return null;
    }
    Experts experts = Experts.read(keys, model.sizes(), RouteScore.SIGMOID, RouteOver.ALL);
    if (experts.routing().used() != 1 || experts.routing().score() != RouteScore.SIGMOID) {
      throw keys.unsupported("a mixture of other than one expert that a sigmoid weighs");
    }
    return experts.sharing(experts.width()).placed(keys, model.sizes()).weighingInputs();
  }

  private static Temperature temperature(Keys keys) {
    double scale = keys.floatValue("attention.temperature_scale", 0, MAX_GROWTH, GROWTH);
    int length = keys.intValue("attention.temperature_length", 1, Integer.MAX_VALUE, STRETCH);
    return new Temperature(scale, length, 1);
  }
}
