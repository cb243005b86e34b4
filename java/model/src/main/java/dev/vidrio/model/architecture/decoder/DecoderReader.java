package dev.vidrio.model.architecture.decoder;

import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.WeightLoader;

/**
 * Reads the models of one architecture. A {@link DecoderSpec} is one; architectures that no
 * composition of its parts describes implement the interface in code.
 */
@FunctionalInterface
public interface DecoderReader {
  /**
   * Reads hyperparameters and weights and returns the model with its plan.
   *
   * @throws dev.vidrio.error.UnsupportedModelException if the file asks for what the architecture
   *     does not support
   * @throws dev.vidrio.error.ModelFileException if the file contradicts itself
   */
  Architecture read(Hyperparameters params, WeightLoader weights);

  /** Returns whether the draft block of a model, which some files have, can be run. */
  default boolean runsDraftBlock() {
    return false;
  }

  /**
   * Returns a reader of the text decoder of a vision-language model. M-RoPE sections (Qwen2-VL,
   * arXiv 2409.12191) are irrelevant for text: all position axes of a text token coincide.
   */
  default DecoderReader textOnly() {
    DecoderReader whole = this;
    return new DecoderReader() {
      @Override
      public Architecture read(Hyperparameters params, WeightLoader weights) {
        params.ignore("rope.dimension_sections");
        return whole.read(params, weights);
      }

      @Override
      public boolean runsDraftBlock() {
        return whole.runsDraftBlock();
      }
    };
  }
}
