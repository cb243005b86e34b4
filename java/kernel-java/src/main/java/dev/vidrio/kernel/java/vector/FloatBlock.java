package dev.vidrio.kernel.java.vector;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * The keys and values of a head in one block of the cache as floats: the cache itself if it is F32
 * and values are stored, else a converted copy. Quantized keys are converted without their scales,
 * which multiply sums.
 */
final class FloatBlock {
  private static final int BLOCK = KvCache.BLOCK;
  private static final int LANES = KvCache.LANES;

  private final Scratch keyScratch = new Scratch();
  private final Scratch scaleScratch = new Scratch();
  private final Scratch valueScratch = new Scratch();

  /**
   * Returns the keys, from index {@link #first} of the page on; converts {@code count} positions.
   */
  MemorySegment keys(KvLayer layer, long page, int count) {
    if (layer.type() == KvType.F32) {
      return layer.keys();
    }
    int dH = layer.dH();
    MemorySegment y = keyScratch.floats((long) BLOCK * dH);
    for (int t = 0; t < count; t += LANES) {
      long tile = layer.tile(page, t);
      for (int i = 0; i < dH; i++) {
        for (int lane = 0; lane < LANES; lane++) {
          float k = layer.get(layer.keys(), tile, layer.keyElement(lane, i));
          Elements.set(y, ((long) t * dH + (long) i * LANES + lane), k);
        }
      }
    }
    return y;
  }

  /** Returns the scales of quantized keys, [tile][block of 32][lane]. */
  MemorySegment keyScales(KvLayer layer, long page, int count) {
    int blocks = layer.dH() / KvLayer.SCALED;
    MemorySegment y = scaleScratch.floats((long) BLOCK * blocks);
    for (int t = 0; t < count; t += LANES) {
      long first = layer.keyScale(layer.tile(page, t), 0, 0);
      for (int i = 0; i < LANES * blocks; i++) {
        Elements.set(y, (long) t * blocks + i, Elements.half(layer.keys(), first + 2L * i));
      }
    }
    return y;
  }

  /** Returns the values, from index {@link #firstValue} of the page on; converts [from, to). */
  MemorySegment values(KvLayer layer, long page, int from, int to) {
    if (storesFloats(layer)) {
      return layer.values();
    }
    MemorySegment y = valueScratch.floats((long) BLOCK * layer.dV());
    for (int t = from; t < to; t++) {
      for (int i = 0; i < layer.dV(); i++) {
        Elements.set(y, (long) t * layer.dV() + i, layer.value(page, t, i));
      }
    }
    return y;
  }

  private static boolean storesFloats(KvLayer layer) {
    return layer.type() == KvType.F32 && !layer.shared();
  }

  /** Returns the index of the first float of the values of a page. */
  static long firstValue(KvLayer layer, long page) {
    return storesFloats(layer) ? page / Float.BYTES : 0;
  }

  /** Returns the index of the first float of the keys of a page. */
  static long first(KvLayer layer, long page) {
    return layer.type() == KvType.F32 ? page / Float.BYTES : 0;
  }
}
