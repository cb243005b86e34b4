package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.function.BiPredicate;

/** Takes some tensors of a layer, named {@code model.layers.N.…} in the checkpoint. */
@FunctionalInterface
public interface LayerTensors {
  /** Takes the tensors of a layer, numbered from 0. */
  void take(Config config, TensorMap map, int layer);

  /** Takes {@code from.weight} and, if it exists, {@code from.bias}. */
  static LayerTensors linear(String from, String to) {
    return (config, map, l) -> map.takeLinear(LlamaNames.from(l) + from, LlamaNames.to(l) + to);
  }

  /** Takes {@code from}. */
  static LayerTensors tensor(String from, String to) {
    return (config, map, l) -> map.take(LlamaNames.from(l) + from, LlamaNames.to(l) + to);
  }

  /** Takes {@code from} if it exists. */
  static LayerTensors optional(String from, String to) {
    return (config, map, l) -> map.takeOptional(LlamaNames.from(l) + from, LlamaNames.to(l) + to);
  }

  /** Takes the gain {@code from} of a norm that multiplies by 1 + gain. */
  static LayerTensors plusOne(String from, String to) {
    return (config, map, l) -> map.takePlusOne(LlamaNames.from(l) + from, LlamaNames.to(l) + to);
  }

  /** Takes several parts in order. */
  static LayerTensors all(LayerTensors... parts) {
    return (config, map, l) -> {
      for (LayerTensors part : parts) {
        part.take(config, map, l);
      }
    };
  }

  /**
   * Takes these tensors in models or layers for which a condition holds.
   *
   * @param condition on the configuration and the layer
   */
  default LayerTensors when(BiPredicate<Config, Integer> condition) {
    return or(condition, (config, map, l) -> {});
  }

  /** Takes these tensors in layers for which a condition holds, and others elsewhere. */
  default LayerTensors or(BiPredicate<Config, Integer> condition, LayerTensors others) {
    return (config, map, l) -> (condition.test(config, l) ? this : others).take(config, map, l);
  }
}
