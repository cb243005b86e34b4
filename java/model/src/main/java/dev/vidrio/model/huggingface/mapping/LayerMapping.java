package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;

/** The mapping of an architecture whose tensors outside its layers are Llama's. */
interface LayerMapping extends Mapping {
  /** How heads turn. */
  default Rope rope(Config config) {
    return Rope.of(config);
  }

  /** Takes the tensors of layer l. */
  void layer(Config config, TensorMap map, int l);

  @Override
  default void tensors(Config config, TensorMap map) {
    LlamaNames.outside(map, config);
    rope(config).addTensors(map, Keys.headWidth(config));
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      layer(config, map, l);
    }
  }
}
