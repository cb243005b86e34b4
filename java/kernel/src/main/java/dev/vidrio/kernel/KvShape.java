package dev.vidrio.kernel;

import java.util.Collections;
import java.util.List;

/**
 * The shape of a model's key-value cache.
 *
 * @param layers shapes of the layers that have keys and values of their own
 */
public record KvShape(List<Layer> layers) {
  /** Most elements of a head; {@code VD_HEAD_MAX}. */
  public static final int HEAD_MAX = 1024;

  /**
   * A layer of the cache.
   *
   * @param heads H_kv, key-value heads
   * @param dH d_h, elements of a head's key
   * @param dV d_v, elements of a head's value
   */
  public record Layer(int heads, int dH, int dV) {
    public Layer {
      if (heads <= 0 || dH <= 0 || dV <= 0) {
        throw new IllegalArgumentException(
            "cache of " + heads + " heads of " + dH + " and " + dV + " is empty");
      }
      if (dH > HEAD_MAX || dV > HEAD_MAX) {
        throw new IllegalArgumentException(
            "heads of " + Math.max(dH, dV) + " elements, of which there may be " + HEAD_MAX);
      }
    }

    /** Heads whose keys and values are as long. */
    public Layer(int heads, int dH) {
      this(heads, dH, dH);
    }

    /** Elements of the keys of one position. */
    public int width() {
      return heads * dH;
    }

    /** Elements of the values of one position. */
    public int valueWidth() {
      return heads * dV;
    }

    /** Whether an element type fits the heads. */
    public boolean fits(KvType type) {
      return type.fits(dH) && type.fits(dV);
    }
  }

  public KvShape {
    layers = List.copyOf(layers);
    if (layers.isEmpty()) {
      throw new IllegalArgumentException("cache of 0 layers is empty");
    }
  }

  /** A cache of layers that are all alike. */
  public KvShape(int layers, int heads, int dH) {
    this(layers, new Layer(heads, dH));
  }

  /** A cache of layers that are all alike. */
  public KvShape(int layers, Layer layer) {
    this(Collections.nCopies(layers, layer));
  }

  /** What a layer holds. */
  public Layer layer(int index) {
    return layers.get(index);
  }

  /** Whether an element type fits the heads of all layers. */
  public boolean fits(KvType type) {
    return layers.stream().allMatch(layer -> layer.fits(type));
  }

  /** Bytes of one position in all layers, keys and values. */
  public long bytesPerPosition(KvType type) {
    return layers.stream()
        .mapToLong(layer -> layer.heads * ((long) type.bytes(layer.dH) + type.bytes(layer.dV)))
        .sum();
  }
}
