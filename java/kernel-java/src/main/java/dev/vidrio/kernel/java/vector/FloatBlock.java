package dev.vidrio.kernel.java.vector;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.KvLayer;
import dev.vidrio.kernel.java.memory.Scratch;
import java.lang.foreign.MemorySegment;

/**
 * Keys and values of a head in one block of the cache as floats: where they lie when they are, else
 * converted. Quants of keys stay without their scales, which multiply sums.
 */
final class FloatBlock {
  private static final int BLOCK = KvCache.BLOCK;
  private static final int LANES = KvCache.LANES;

  private final Scratch keyScratch = new Scratch();
  private final Scratch scaleScratch = new Scratch();
  private final Scratch valueScratch = new Scratch();

  /** The keys, in which {@link #first} of the page is the first; converts those of `count`. */
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

  /** Scales of quantized keys, [tile][block of 32][lane]. */
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

  /** The values, in which {@link #first} of the page is the first; converts [from, to). */
  MemorySegment values(KvLayer layer, long page, int from, int to) {
    if (layer.type() == KvType.F32) {
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

  /** Index of the first float of a page. */
  static long first(KvLayer layer, long page) {
    return layer.type() == KvType.F32 ? page / Float.BYTES : 0;
  }
}
