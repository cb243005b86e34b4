package dev.vidrio.kernel.java.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.Hadamard;
import dev.vidrio.kernel.java.memory.KvLayer;
import java.lang.foreign.MemorySegment;

/** A query in the form that keys of a type are multiplied with: floats, or int8 in blocks of 32. */
public final class QuantizedQuery {
  private static final int BLOCK = KvLayer.SCALED;

  private final KvLayer layer;
  private final float[] q;
  private final float[] scale;

  public QuantizedQuery(KvLayer layer) {
    this.layer = layer;
    this.q = new float[layer.dH()];
    this.scale = new float[layer.dH() / BLOCK];
  }

  /** Loads the query that begins at element {@code at} of {@code from}. */
  public void load(MemorySegment from, long at) {
    for (int i = 0; i < q.length; i++) {
      q[i] = Elements.get(from, at + i);
    }
    if (layer.type().isRotated()) {
      Hadamard.transform(q, layer.rotation(layer.dH()));
    }
    if (layer.type().isScaled()) {
      for (int b = 0; b < scale.length; b++) {
        scale[b] = quantize(b * BLOCK);
      }
    }
  }

  /** Quantizes the block that begins at q[begin], by docs/numerics.md, and returns its scale. */
  private float quantize(int begin) {
    float a = 0;
    for (int i = begin; i < begin + BLOCK; i++) {
      a = Math.max(a, Math.abs(q[i]));
    }
    boolean zero = !(a <= Float.MAX_VALUE) || a < ScalarKernels.TINY;
    float inverse = 127 / a;
    for (int i = begin; i < begin + BLOCK; i++) {
      q[i] = zero ? 0 : (float) Math.rint(q[i] * inverse);
    }
    return a <= Float.MAX_VALUE ? zero ? 0 : a / 127 : Float.NaN;
  }

  /** Returns the elements, or their int8 values. */
  public float[] elements() {
    return q;
  }

  /** Returns the scales of the blocks. */
  public float[] scales() {
    return scale;
  }

  /** Returns the product with the key of a position. */
  float dot(long page, int position) {
    long tile = layer.tile(page, position);
    float dot = 0;
    if (!layer.type().isScaled()) {
      for (int i = 0; i < q.length; i++) {
        dot = Math.fma(q[i], layer.get(layer.keys(), tile, layer.keyElement(position, i)), dot);
      }
      return dot;
    }
    dot = anchorDot(page);
    for (int b = 0; b < scale.length; b++) {
      int sum = 0;
      for (int i = b * BLOCK; i < (b + 1) * BLOCK; i++) {
        int k = (int) layer.get(layer.keys(), tile, layer.keyElement(position, i));
        sum += ((int) q[i]) * k;
      }
      float s = Elements.half(layer.keys(), layer.keyScale(tile, position, b));
      dot = Math.fma((float) sum, s * scale[b], dot);
    }
    return dot;
  }

  /** Returns the product with the key to which those of a page are differences; 0 without one. */
  public float anchorDot(long page) {
    float dot = 0;
    for (int b = 0; layer.type().isRotated() && b < scale.length; b++) {
      int sum = 0;
      for (int i = b * BLOCK; i < (b + 1) * BLOCK; i++) {
        sum += ((int) q[i]) * layer.keys().get(JAVA_BYTE, layer.anchor(page) + i);
      }
      float s = Elements.half(layer.keys(), layer.anchorScale(page, b));
      dot = Math.fma((float) sum, s * scale[b], dot);
    }
    return dot;
  }
}
