package dev.vidrio.kernel;

import java.util.Collections;
import java.util.List;

/**
 * The shape of a model's key-value cache.
 *
 * @param layers shapes of the layers that have keys and values of their own, or a convolution
 */
public record KvShape(List<Layer> layers) {
  /** Most elements of a head; {@code VD_HEAD_MAX}. */
  public static final int HEAD_MAX = 1024;

  /** A layer of the cache. */
  public sealed interface Layer {
    /** Whether an element type fits its keys and values. */
    boolean fits(KvType type);

    /** Bytes of one position. */
    long bytesPerPosition(KvType type);
  }

  /**
   * The keys and values of attention.
   *
   * @param heads H_kv, key-value heads
   * @param dH d_h, elements of a head's key
   * @param dV d_v, elements of a head's value
   */
  public record KeyValue(int heads, int dH, int dV) implements Layer {
    public KeyValue {
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
    public KeyValue(int heads, int dH) {
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

    @Override
    public boolean fits(KvType type) {
      return type.fits(dH) && type.fits(dV);
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return heads * ((long) type.bytes(dH) + type.bytes(dV));
    }
  }

  /**
   * What a convolution reads: rows of f32, whatever the type of keys and values.
   *
   * @param width elements of a position's row
   */
  public record Conv(int width) implements Layer {
    public Conv {
      if (width <= 0) {
        throw new IllegalArgumentException("cache of rows of " + width + " elements is empty");
      }
    }

    @Override
    public boolean fits(KvType type) {
      return true;
    }

    @Override
    public long bytesPerPosition(KvType type) {
      return (long) width * Float.BYTES;
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
    this(layers, new KeyValue(heads, dH));
  }

  /** A cache of layers that are all alike. */
  public KvShape(int layers, Layer layer) {
    this(Collections.nCopies(layers, layer));
  }

  /** Whether there is such a layer, and it has keys and values. */
  public boolean hasKeys(int index) {
    return index < layers.size() && layers.get(index) instanceof KeyValue;
  }

  /**
   * The keys and values of a layer.
   *
   * @throws IllegalArgumentException when it has none
   */
  public KeyValue keyValue(int index) {
    if (layers.get(index) instanceof KeyValue keyValue) {
      return keyValue;
    }
    throw new IllegalArgumentException("layer " + index + " of the cache has no keys and values");
  }

  /** Whether an element type fits the heads of all layers. */
  public boolean fits(KvType type) {
    return layers.stream().allMatch(layer -> layer.fits(type));
  }

  /** Bytes of one position in all layers. */
  public long bytesPerPosition(KvType type) {
    return layers.stream().mapToLong(layer -> layer.bytesPerPosition(type)).sum();
  }
}
