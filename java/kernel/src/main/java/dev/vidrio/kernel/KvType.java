package dev.vidrio.kernel;

import dev.vidrio.kernel.weight.WeightType;

/** The element types of the key-value cache, each like the weight type of its name. */
public enum KvType {
  /** Single precision, as computed. */
  F32,
  /** Half precision. */
  F16,
  /** The upper half of an f32. */
  BF16,
  /** 8 bits per element and a scale per 32 elements of a head; queries are quantized too. */
  Q8_0;

  private final WeightType type = WeightType.valueOf(name());

  /** Returns the number of the type in the C API. */
  public int id() {
    return type.id();
  }

  /** Returns whether heads of {@code dH} elements can be stored in the type. */
  public boolean fits(int dH) {
    return dH % type.blockElements() == 0;
  }

  /** Returns the bytes of a head of {@code dH} elements. */
  public int bytes(int dH) {
    return Math.toIntExact(type.bytes(dH));
  }
}
