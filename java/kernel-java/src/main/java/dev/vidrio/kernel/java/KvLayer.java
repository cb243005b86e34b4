package dev.vidrio.kernel.java;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import java.lang.foreign.MemorySegment;

/**
 * One layer of the key-value cache; {@link KvCache} says how keys and values lie.
 *
 * @param heads H_kv
 * @param dH d_h
 */
record KvLayer(MemorySegment keys, MemorySegment values, int heads, int dH) {
  static KvLayer of(KvCache cache, int layer) {
    return new KvLayer(
        cache.keys(layer), cache.values(layer), cache.shape().heads(), cache.shape().dH());
  }

  /** Index of the first value (or key) of a head in a block of the cache. */
  long head(int block, int head) {
    return ((long) block * heads + head) * KvCache.BLOCK * dH;
  }

  /** Index of a position's first key element; the next ones are {@link KvCache#LANES} apart. */
  long key(Batch batch, int sequence, int head, int position) {
    int place = position % KvCache.BLOCK;
    return head(batch.block(sequence, position), head)
        + (long) (place / KvCache.LANES) * dH * KvCache.LANES
        + place % KvCache.LANES;
  }

  /** Index of a position's first value element; the next ones are adjacent. */
  long value(Batch batch, int sequence, int head, int position) {
    return head(batch.block(sequence, position), head) + (long) position % KvCache.BLOCK * dH;
  }
}
