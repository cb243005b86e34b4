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
  Q8_0,
  /**
   * 4 bits per element and a scale per 32 elements of a head, after a rotation that spreads large
   * elements over all; keys are differences to the first one of their block, which is in 8 bits.
   * Queries are rotated and quantized too.
   */
  Q4_0;

  private final WeightType type = WeightType.valueOf(name());

  /** Returns the number of the type in the C API. */
  public int id() {
    return type.id();
  }

  /** Returns whether elements share scales. */
  public boolean isScaled() {
    return type.blockElements() > 1;
  }

  /**
   * Returns whether keys and values are rotated by a Hadamard matrix before they are stored, and
   * keys are differences to the first one of their block.
   */
  public boolean isRotated() {
    return this == Q4_0;
  }

  /** Returns whether heads of {@code dH} elements can be stored in the type. */
  public boolean fits(int dH) {
    return dH % type.blockElements() == 0;
  }

  /** Returns the bytes of a head of {@code dH} elements, with their scales. */
  public int bytes(int dH) {
    return Math.toIntExact(type.bytes(dH));
  }

  /**
   * Returns the bytes of a key of {@code dH} elements: those of a head, and its share of the first
   * key of the block, if keys are differences to it.
   */
  public int keyBytes(int dH) {
    int shared = isRotated() ? Math.ceilDiv((int) WeightType.Q8_0.bytes(dH), KvCache.BLOCK) : 0;
    return bytes(dH) + shared;
  }

  /** Returns the bytes of the scales of a head of {@code dH} elements. */
  public int scaleBytes(int dH) {
    return isScaled() ? dH / type.blockElements() * Short.BYTES : 0;
  }
}
