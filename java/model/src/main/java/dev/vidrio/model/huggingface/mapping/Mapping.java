package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/**
 * How the keys and tensors of one architecture of transformers read in GGUF. A mapping refuses by
 * name what the architecture's keys in GGUF cannot say.
 */
public interface Mapping {

  /** The name in {@code general.architecture}. */
  String architecture();

  /** What the mapping calls a tensor of the checkpoint. */
  default String name(String tensor) {
    return tensor;
  }

  /** Puts the architecture's keys. */
  void keys(Config config, MetadataBuilder out);

  /** Puts the keys that the checkpoint has as tensors, of architectures that have such. */
  default void keysOfTensors(Config config, CheckpointMap map, MetadataBuilder out) {}

  /** Takes the checkpoint's tensors. */
  void tensors(Config config, TensorMap map);
}
