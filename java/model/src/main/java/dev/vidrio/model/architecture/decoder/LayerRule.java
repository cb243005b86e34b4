package dev.vidrio.model.architecture.decoder;

import dev.vidrio.model.block.Hyperparameters;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/** Selects layers, numbered from 0. */
@FunctionalInterface
public interface LayerRule {
  /** The layers of a rule that selects none; what would apply to them is not read from the file. */
  enum NoLayers implements IntPredicate {
    /** The only instance. */
    NONE;

    @Override
    public boolean test(int layer) {
      return false;
    }
  }

  /** Returns the layers of a model. */
  IntPredicate of(Hyperparameters params);

  /** Selects all layers except each {@code period}-th, unless the file says otherwise. */
  static LayerRule sliding(int period) {
    return params -> params.slidingLayers(period);
  }

  /** Selects the layers for which the file's array has true; all if it has no such array. */
  static LayerRule listed(String key) {
    return params -> params.layers(key);
  }

  /**
   * Selects no layers in models for which a condition does not hold. The file's keys for the layers
   * and for what would apply to them are then not read, so that their presence is rejected.
   */
  default LayerRule when(Predicate<Hyperparameters> condition) {
    return params -> condition.test(params) ? of(params) : NoLayers.NONE;
  }

  /** Selects no layers in models for which a condition does not hold, but reads all keys. */
  default LayerRule and(Predicate<Hyperparameters> condition) {
    return params -> {
      IntPredicate layers = of(params);
      boolean holds = condition.test(params);
      return layer -> holds && layers.test(layer);
    };
  }

  /** Selects the other layers. */
  default LayerRule not() {
    return params -> of(params).negate();
  }
}
