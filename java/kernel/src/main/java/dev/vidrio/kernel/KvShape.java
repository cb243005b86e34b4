package dev.vidrio.kernel;

import java.util.Collections;
import java.util.List;

/**
 * The shape of a model's key-value cache.
 *
 * @param layers what each holds: the layers of a model that have keys and values of their own
 */
public record KvShape(List<Layer> layers) {
  /**
   * A layer of the cache.
   *
   * @param heads H_kv, key-value heads
   * @param dH d_h, elements of a head
   */
  public record Layer(int heads, int dH) {
    public Layer {
      if (heads <= 0 || dH <= 0) {
        throw new IllegalArgumentException("cache of " + heads + " heads of " + dH + " is empty");
      }
    }

    /** Elements of the keys (or values) of one position. */
    public int width() {
      return heads * dH;
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
    this(Collections.nCopies(layers, new Layer(heads, dH)));
  }

  /** What a layer holds. */
  public Layer layer(int index) {
    return layers.get(index);
  }

  /** Whether an element type fits the heads of all layers. */
  public boolean fits(KvType type) {
    return layers.stream().allMatch(layer -> type.fits(layer.dH));
  }

  /** Bytes of one position in all layers, keys and values. */
  public long bytesPerPosition(KvType type) {
    return layers.stream().mapToLong(layer -> 2L * layer.heads * type.bytes(layer.dH)).sum();
  }
}
