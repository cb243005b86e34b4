package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.function.Function;

/** The feed-forward blocks of a model: dense or mixtures of experts ({@link MixtureSpec}). */
@FunctionalInterface
public interface FeedForwardSpec {
  /** Makes the feed-forward block of a layer. */
  @FunctionalInterface
  interface OfLayer {
    /**
     * Makes it.
     *
     * @param residPre the residual stream before the layer, which some routers read
     */
    Sublayer of(Layer layer, Buffer residPre);
  }

  /** Reads what all layers share and returns the block of each layer. */
  OfLayer of(Transformer model);

  /** Returns blocks {@code down(act(gate · x) · (up · x))}. */
  static FeedForwardSpec gated(ActivationKind activation) {
    return each(layer -> layer.gatedFfn(activation));
  }

  /** Returns blocks {@code down(act(up · x))}. */
  static FeedForwardSpec plain(ActivationKind activation) {
    return each(layer -> layer.plainFfn(activation));
  }

  /** Returns blocks that share nothing. */
  static FeedForwardSpec each(Function<Layer, Sublayer> block) {
    return model -> (layer, residPre) -> block.apply(layer);
  }

  /** Returns these blocks followed by another sublayer. */
  default FeedForwardSpec then(String suffix, Function<Transformer, Sublayer> next) {
    return model -> {
      OfLayer first = of(model);
      Sublayer second = next.apply(model);
      return (layer, residPre) -> first.of(layer, residPre).then(suffix, second);
    };
  }
}
