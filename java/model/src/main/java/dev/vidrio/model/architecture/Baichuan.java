package dev.vidrio.model.architecture;

import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.WeightLoader;

/**
 * Baichuan (arXiv 2309.10305): the model of 7 billion parameters is {@link InternLm2}, that of 13
 * billion {@link Refact}. Files tell them apart by their layers alone.
 */
final class Baichuan {
  private static final int LAYERS_OF_13B = 40;

  private Baichuan() {}

  static Architecture read(Keys keys, WeightLoader weights) {
    return Sizes.layers(keys, 0) == LAYERS_OF_13B
        ? Refact.read(keys, weights)
        : InternLm2.read(keys, weights);
  }
}
