package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * Maps the configuration and tensors of a transformers class to the keys and tensors of its GGUF
 * architecture. A mapping rejects by name what the architecture's keys cannot express.
 */
public interface Mapping {
  /** Returns the name that the mapping uses for a tensor of the checkpoint. */
  default String name(String tensor) {
    return tensor;
  }

  /**
   * Adds the architecture's keys.
   *
   * @param out a scope that adds the prefix of the architecture
   */
  void keys(Config config, MetadataBuilder out);

  /**
   * Adds keys with values that the checkpoint has as tensors.
   *
   * @param out without a prefix
   */
  default void keysOfTensors(Config config, CheckpointMap map, MetadataBuilder out) {}

  /** Takes the checkpoint's tensors. */
  void tensors(Config config, TensorMap map);

  /**
   * Returns whether PEFT adapters of such models can be read: false if the mapping changes weights
   * or needs more of the configuration than a GGUF file holds.
   */
  default boolean mapsAdapters() {
    return true;
  }
}
