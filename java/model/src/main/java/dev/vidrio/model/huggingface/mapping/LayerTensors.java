package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.Layout;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.function.BiPredicate;
import java.util.function.ToIntFunction;

/** Takes some tensors of a layer. Their names do not have its prefix. */
@FunctionalInterface
public interface LayerTensors {
  /** Takes the tensors of a layer, numbered from 0. */
  void take(Config config, TensorMap layer, int index);

  /** Takes {@code from.weight} and, if it exists, {@code from.bias}. */
  static LayerTensors linear(String from, String to) {
    return (config, layer, l) -> layer.takeLinear(from, to);
  }

  /** Takes {@code from.weight} and, if it exists, {@code from.bias} in a layout. */
  static LayerTensors linear(String from, String to, Layout layout) {
    return (config, layer, l) -> layer.takeLinear(from, to, layout);
  }

  /** Takes {@code from}. */
  static LayerTensors tensor(String from, String to) {
    return (config, layer, l) -> layer.take(from, to);
  }

  /** Takes {@code from} in a layout. */
  static LayerTensors tensor(String from, String to, Layout layout) {
    return (config, layer, l) -> layer.take(from, to, layout);
  }

  /** Takes {@code from} if it exists. */
  static LayerTensors optional(String from, String to) {
    return (config, layer, l) -> layer.takeOptional(from, to);
  }

  /** Takes the gain {@code from.weight} of a norm that multiplies by 1 + gain. */
  static LayerTensors plusOne(String from, String to) {
    return tensor(from + ".weight", to + ".weight", Layout.PLUS_ONE);
  }

  /** Ignores tensors without information. */
  static LayerTensors ignored(String... names) {
    return (config, layer, l) -> List.of(names).forEach(layer::ignore);
  }

  /** Takes several parts in order. */
  static LayerTensors all(LayerTensors... parts) {
    return (config, layer, l) -> {
      for (LayerTensors part : parts) {
        part.take(config, layer, l);
      }
    };
  }

  /**
   * Takes these tensors in models or layers for which a condition holds.
   *
   * @param condition on the configuration and the layer
   */
  default LayerTensors when(BiPredicate<Config, Integer> condition) {
    return or(condition, (config, layer, l) -> {});
  }

  /** Takes these tensors in layers for which a condition holds, and others elsewhere. */
  default LayerTensors or(BiPredicate<Config, Integer> condition, LayerTensors others) {
    return (config, layer, l) -> (condition.test(config, l) ? this : others).take(config, layer, l);
  }

  /** Takes these tensors in layers with one of a name, and others elsewhere. */
  default LayerTensors ifPresent(String name, LayerTensors others) {
    return (config, layer, l) -> (layer.has(name) ? this : others).take(config, layer, l);
  }

  /** Takes these tensors after the first layers, which are dense. */
  default LayerTensors afterDense(ToIntFunction<Config> dense) {
    return or((config, l) -> l >= dense.applyAsInt(config), LlamaNames::gatedFfn);
  }
}
