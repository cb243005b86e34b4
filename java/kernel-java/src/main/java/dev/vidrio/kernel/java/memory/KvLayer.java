package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import java.lang.foreign.MemorySegment;
import java.util.function.IntToLongFunction;
import java.util.function.IntUnaryOperator;

/**
 * The keys and values of one layer of the cache, laid out as in {@code vd_kv_cache}.
 *
 * @param heads H_kv
 * @param stride bytes from one block to the next
 * @param groupHeads heads of a group
 * @param groupStride bytes from one group of heads to the next
 * @param dH d_h, of keys
 * @param dV d_v, of values
 */
public record KvLayer(
    MemorySegment keys,
    MemorySegment values,
    KvType type,
    int heads,
    long stride,
    int groupHeads,
    long groupStride,
    int dH,
    int dV) {
  /** Elements that share a scale. */
  public static final int SCALED = 32;

  public static KvLayer of(KvCache cache, int layer) {
    return new KvLayer(
        cache.keys(layer),
        cache.values(layer),
        cache.type(),
        cache.shape().keyValue(layer).heads(),
        cache.stride(layer),
        cache.groupHeads(layer),
        cache.groupStride(layer),
        cache.shape().keyValue(layer).dH(),
        cache.shape().keyValue(layer).dV());
  }

  /** Returns the offset of the keys of a head in the block of a position. */
  public long keyPage(Batch batch, int sequence, int head, int position) {
    return page(batch, sequence, head, position, dH);
  }

  /** Returns the offset of the values of a head in the block of a position. */
  public long valuePage(Batch batch, int sequence, int head, int position) {
    return page(batch, sequence, head, position, dV);
  }

  private long page(Batch batch, int sequence, int head, int position, int width) {
    return head / groupHeads * groupStride
        + batch.block(sequence, position) * stride
        + (long) (head % groupHeads) * KvCache.BLOCK * type.bytes(width);
  }

  /** Returns the offset of the tile of 16 positions that has the key of a position. */
  public long tile(long page, int position) {
    int tile = position % KvCache.BLOCK / KvCache.LANES;
    return page + (long) tile * KvCache.LANES * type.bytes(dH);
  }

  /** Returns the index of element i of a position's key in its tile. */
  public int keyElement(int position, int i) {
    int lane = position % KvCache.LANES;
    return type == KvType.Q8_0
        ? (i / 4 * KvCache.LANES + lane) * 4 + i % 4
        : i * KvCache.LANES + lane;
  }

  /** Returns the offset of the scale of block b, of 32 elements, of a position's key. */
  public long keyScale(long tile, int position, int b) {
    return tile + (long) KvCache.LANES * dH + 2L * (b * KvCache.LANES + position % KvCache.LANES);
  }

  /** Returns the index of element i of a position's value in its page. */
  int valueElement(int position, int i) {
    return position % KvCache.BLOCK * dV + i;
  }

  /** Returns the offset of the scale of block b, of 32 elements, of a position's value. */
  long valueScale(long page, int position, int b) {
    return page + (long) KvCache.BLOCK * dV + 2L * (position % KvCache.BLOCK * (dV / SCALED) + b);
  }

  /** Returns element {@code index} from an offset on, without its scale. */
  public float get(MemorySegment half, long offset, int index) {
    return switch (type) {
      case F32 -> Elements.get(half.asSlice(offset), index);
      case F16 -> Elements.half(half, offset + 2L * index);
      case BF16 -> Float.intBitsToFloat(half.get(JAVA_SHORT_UNALIGNED, offset + 2L * index) << 16);
      case Q8_0 -> half.get(JAVA_BYTE, offset + index);
    };
  }

  /** Sets element {@code index} from an offset on, rounded. */
  void set(MemorySegment half, long offset, int index, float x) {
    switch (type) {
      case F32 -> Elements.set(half.asSlice(offset), index, x);
      case F16 -> Elements.setHalf(half.asSlice(offset), index, x);
      case BF16 -> Elements.setBfloat(half.asSlice(offset), index, x);
      case Q8_0 -> half.set(JAVA_BYTE, offset + index, (byte) x);
    }
  }

  /** Returns element i of a position's value. */
  public float value(long page, int position, int i) {
    float v = get(values, page, valueElement(position, i));
    return type == KvType.Q8_0
        ? v * Elements.half(values, valueScale(page, position, i / SCALED))
        : v;
  }

  /** Stores the keys and values of a token: k [n, H_kv, d_h], v [n, H_kv, d_v]. */
  public void store(Batch batch, int row, MemorySegment k, MemorySegment v) {
    int sequence = batch.sequence(row);
    int position = batch.position(row);
    for (int head = 0; head < heads; head++) {
      long at = (long) row * heads + head;
      storeKey(keyPage(batch, sequence, head, position), position, k, at * dH);
      storeValue(valuePage(batch, sequence, head, position), position, v, at * dV);
    }
  }

  /** Stores a key, which begins at element {@code at} of k, at a position. */
  private void storeKey(long page, int position, MemorySegment k, long at) {
    long tile = tile(page, position);
    IntUnaryOperator element = i -> keyElement(position, i);
    store(keys, tile, element, b -> keyScale(tile, position, b), k, at, dH);
  }

  /** Stores a value, which begins at element {@code at} of v, at a position. */
  private void storeValue(long page, int position, MemorySegment v, long at) {
    IntUnaryOperator element = i -> valueElement(position, i);
    store(values, page, element, b -> valueScale(page, position, b), v, at, dV);
  }

  /**
   * Stores a row of {@code width} elements of x.
   *
   * @param element gives the index of an element from offset {@code base} of a half on
   * @param scaleOffset gives the offset of the scale of a block of 32 elements
   */
  private void store(
      MemorySegment half,
      long base,
      IntUnaryOperator element,
      IntToLongFunction scaleOffset,
      MemorySegment x,
      long at,
      int width) {
    if (type != KvType.Q8_0) {
      for (int i = 0; i < width; i++) {
        set(half, base, element.applyAsInt(i), Elements.get(x, at + i));
      }
      return;
    }
    for (int i = 0; i < width; i += SCALED) {
      short scale = scale(x, at + i);
      half.set(JAVA_SHORT_UNALIGNED, scaleOffset.applyAsLong(i / SCALED), scale);
      for (int j = i; j < i + SCALED; j++) {
        set(half, base, element.applyAsInt(j), quant(Elements.get(x, at + j), scale));
      }
    }
  }

  private static short scale(MemorySegment x, long at) {
    float a = 0;
    for (int i = 0; i < SCALED; i++) {
      a = Math.max(a, Math.abs(Elements.get(x, at + i)));
    }
    return Float.floatToFloat16(a / 127);
  }

  private static float quant(float x, short scale) {
    float s = Float.float16ToFloat(scale);
    float inverse = s > 0 && s < Float.POSITIVE_INFINITY ? 1 / s : 0;
    return Math.clamp((float) Math.rint(x * inverse), -127f, 127f);
  }
}
