package dev.vidrio.model.architecture.decoder;

import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.function.Function;

/**
 * The sublayer that mixes positions: attention, or what some layers have instead of it, such as a
 * convolution or a recurrence.
 */
@FunctionalInterface
public interface MixerSpec {
  /** Reads what all layers share and returns the mixer of each layer. */
  Function<Layer, Sublayer> of(Transformer model);

  /**
   * Returns this mixer in the layers with key-value heads and another one in the others.
   *
   * @param other reads what the others share
   */
  default MixerSpec orElse(MixerSpec other) {
    return model -> {
      Function<Layer, Sublayer> attention = of(model);
      Function<Layer, Sublayer> replacement = other.of(model);
      return layer ->
          model.dimensions().kvShape().hasKeys(layer.index())
              ? attention.apply(layer)
              : replacement.apply(layer);
    };
  }

  /** Returns this mixer followed by another sublayer. */
  default MixerSpec then(String suffix, Function<Transformer, Sublayer> next) {
    return model -> {
      Function<Layer, Sublayer> first = of(model);
      Sublayer second = next.apply(model);
      return layer -> first.apply(layer).then(suffix, second);
    };
  }
}
