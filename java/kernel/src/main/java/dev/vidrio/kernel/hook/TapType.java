package dev.vidrio.kernel.hook;

import dev.vidrio.kernel.weight.WeightType;

/** The element types of tapped activations, each like the weight type of its name. */
public enum TapType {
  /** Single precision, as computed. */
  F32,
  /** Half precision, rounded to nearest even; overflow gives infinity. */
  F16,
  /** The upper half of an f32, rounded to nearest even. */
  BF16;

  private final WeightType type = WeightType.valueOf(name());

  /** Returns the number of the type in the C API. */
  public int id() {
    return type.id();
  }

  /** Returns the bytes of an element. */
  public int bytes() {
    return type.blockBytes();
  }
}
