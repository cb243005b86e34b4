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
 * @param shared true if a value is the first d_v elements of its key
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
    int dV,
    boolean shared) {
  /** Elements that share a scale. */
  public static final int SCALED = 32;

  /** Is added to the elements of Q4_0, from −8 to 7. */
  private static final int NIBBLE_ZERO = 8;

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
        cache.shape().keyValue(layer).dV(),
        cache.shape().keyValue(layer).shared());
  }

  /**
   * Returns the number of elements that the rotation of keys or values of a width mixes: the
   * largest power of two that divides it, and the other width too if values are elements of keys.
   */
  public int rotation(int width) {
    return Integer.lowestOneBit(shared ? dH | dV : width);
  }

  /** Returns the offset of the keys of a head in the block of a position. */
  public long keyPage(Batch batch, int sequence, int head, int position) {
    return page(batch, sequence, head, position, type.keyBytes(dH));
  }

  /** Returns the offset of the values of a head in the block of a position. */
  public long valuePage(Batch batch, int sequence, int head, int position) {
    return shared
        ? keyPage(batch, sequence, head, position)
        : page(batch, sequence, head, position, type.bytes(dV));
  }

  private long page(Batch batch, int sequence, int head, int position, int bytes) {
    return head / groupHeads * groupStride
        + batch.block(sequence, position) * stride
        + (long) (head % groupHeads) * KvCache.BLOCK * bytes;
  }

  /** Returns the offset of the tile of 16 positions that has the key of a position. */
  public long tile(long page, int position) {
    int tile = position % KvCache.BLOCK / KvCache.LANES;
    return page + (long) tile * KvCache.LANES * type.bytes(dH);
  }

  /** Returns the index of element i of a position's key in its tile. */
  public int keyElement(int position, int i) {
    int lane = position % KvCache.LANES;
    return switch (type) {
      case F32, F16, BF16 -> i * KvCache.LANES + lane;
      case Q8_0 -> (i / 4 * KvCache.LANES + lane) * 4 + i % 4;
      case Q4_0 -> 2 * ((i / 8 * KvCache.LANES + lane) * 4 + i % 4) + i % 8 / 4;
    };
  }

  /** Returns the offset of the scale of block b, of 32 elements, of a position's key. */
  public long keyScale(long tile, int position, int b) {
    return tile
        + KvCache.LANES * codeBytes(dH)
        + 2L * (b * KvCache.LANES + position % KvCache.LANES);
  }

  /**
   * Returns the offset of the key of a page to which others are differences, an element of 8 bits
   * each.
   */
  public long anchor(long page) {
    return page + (long) KvCache.BLOCK * type.bytes(dH);
  }

  /** Returns the offset of the scale of block b, of 32 elements, of this key. */
  public long anchorScale(long page, int b) {
    return anchor(page) + dH + 2L * b;
  }

  /** Returns the index of element i of a position's value in its page. */
  int valueElement(int position, int i) {
    int row = position % KvCache.BLOCK * dV;
    return type == KvType.Q4_0
        ? row + i / SCALED * SCALED + 2 * (i % (SCALED / 2)) + i % SCALED / (SCALED / 2)
        : row + i;
  }

  /** Returns the offset of the scale of block b, of 32 elements, of a position's value. */
  long valueScale(long page, int position, int b) {
    return page
        + KvCache.BLOCK * codeBytes(dV)
        + 2L * (position % KvCache.BLOCK * (dV / SCALED) + b);
  }

  /** Returns the bytes of elements without their scales. */
  private long codeBytes(int width) {
    return (long) type.bytes(width) - type.scaleBytes(width);
  }

  /** Returns element {@code index} from an offset on, without its scale. */
  public float get(MemorySegment half, long offset, int index) {
    return switch (type) {
      case F32 -> Elements.get(half.asSlice(offset), index);
      case F16 -> Elements.half(half, offset + 2L * index);
      case BF16 -> Float.intBitsToFloat(half.get(JAVA_SHORT_UNALIGNED, offset + 2L * index) << 16);
      case Q8_0 -> half.get(JAVA_BYTE, offset + index);
      case Q4_0 -> {
        int both = half.get(JAVA_BYTE, offset + index / 2);
        yield ((both >> (index % 2 * 4)) & 15) - NIBBLE_ZERO;
      }
    };
  }

  /** Sets element {@code index} from an offset on, rounded. */
  void set(MemorySegment half, long offset, int index, float x) {
    switch (type) {
      case F32 -> Elements.set(half.asSlice(offset), index, x);
      case F16 -> Elements.setHalf(half.asSlice(offset), index, x);
      case BF16 -> Elements.setBfloat(half.asSlice(offset), index, x);
      case Q8_0 -> half.set(JAVA_BYTE, offset + index, (byte) x);
      case Q4_0 -> {
        int shift = index % 2 * 4;
        int other = half.get(JAVA_BYTE, offset + index / 2) & (15 << (4 - shift));
        int code = ((int) x + NIBBLE_ZERO) << shift;
        half.set(JAVA_BYTE, offset + index / 2, (byte) (other | code));
      }
    }
  }

  /** Returns element i of a position's value. */
  public float value(long page, int position, int i) {
    if (shared) {
      return keyValue(page, position, i);
    }
    float v = get(values, page, valueElement(position, i));
    return type.isScaled() ? v * Elements.half(values, valueScale(page, position, i / SCALED)) : v;
  }

  /** Returns element i of a position's key. */
  private float keyValue(long page, int position, int i) {
    long tile = tile(page, position);
    float k = get(keys, tile, keyElement(position, i));
    if (!type.isScaled()) {
      return k;
    }
    float scale = Elements.half(keys, keyScale(tile, position, i / SCALED));
    if (!type.isRotated()) {
      return k * scale;
    }
    float code = keys.get(JAVA_BYTE, anchor(page) + i);
    return Math.fma(k, scale, code * Elements.half(keys, anchorScale(page, i / SCALED)));
  }

  /**
   * Makes a weighted sum of cached values, the {@code dV} elements from {@code at} on, one of
   * values that were not rotated.
   */
  public void rotateBack(MemorySegment z, long at) {
    if (!type.isRotated()) {
      return;
    }
    var row = new float[dV];
    for (int i = 0; i < dV; i++) {
      row[i] = Elements.get(z, at + i);
    }
    Hadamard.transform(row, rotation(dV));
    Elements.copy(row, z, at, dV);
  }

  /** Stores the keys and values of a token: k [n, H_kv, d_h], v [n, H_kv, d_v]. */
  public void store(Batch batch, int row, MemorySegment k, MemorySegment v) {
    int sequence = batch.sequence(row);
    int position = batch.position(row);
    for (int head = 0; head < heads; head++) {
      long at = (long) row * heads + head;
      float[] key = row(k, at * dH, dH);
      long page = keyPage(batch, sequence, head, position);
      if (type.isRotated()) {
        subtractAnchor(batch, row, head, page, k, key);
      }
      storeKey(page, position, key);
      if (!shared) {
        storeValue(valuePage(batch, sequence, head, position), position, row(v, at * dV, dV));
      }
    }
  }

  /** Returns elements of x, rotated if the type is. */
  private float[] row(MemorySegment x, long at, int width) {
    var row = new float[width];
    for (int i = 0; i < width; i++) {
      row[i] = Elements.get(x, at + i);
    }
    if (type.isRotated()) {
      Hadamard.transform(row, rotation(width));
    }
    return row;
  }

  /**
   * Subtracts the first key of a page, which is in the step or in the cache, from a key of the
   * page, and stores it if it is that key.
   */
  private void subtractAnchor(
      Batch batch, int row, int head, long page, MemorySegment k, float[] key) {
    int first = anchorRow(batch, row);
    float[] anchor = first < 0 ? null : row(k, ((long) first * heads + head) * dH, dH);
    for (int b = 0; b < dH / SCALED; b++) {
      short scale =
          anchor == null
              ? keys.get(JAVA_SHORT_UNALIGNED, anchorScale(page, b))
              : scale(KvType.Q8_0, anchor, b * SCALED);
      for (int i = b * SCALED; i < (b + 1) * SCALED; i++) {
        float code =
            anchor == null
                ? keys.get(JAVA_BYTE, anchor(page) + i)
                : quant(KvType.Q8_0, anchor[i], scale);
        key[i] -= code * Float.float16ToFloat(scale);
        if (first == row) {
          keys.set(JAVA_BYTE, anchor(page) + i, (byte) code);
        }
      }
      if (first == row) {
        keys.set(JAVA_SHORT_UNALIGNED, anchorScale(page, b), scale);
      }
    }
  }

  /** Returns the row of the step with the first position of the block of a row, or −1. */
  private static int anchorRow(Batch batch, int row) {
    int position = batch.position(row) / KvCache.BLOCK * KvCache.BLOCK;
    for (int i = row; i >= 0; i--) {
      if (batch.sequence(i) == batch.sequence(row) && batch.position(i) <= position) {
        return batch.position(i) == position ? i : -1;
      }
    }
    return -1;
  }

  private void storeKey(long page, int position, float[] key) {
    long tile = tile(page, position);
    IntUnaryOperator element = i -> keyElement(position, i);
    store(keys, tile, element, b -> keyScale(tile, position, b), key);
  }

  private void storeValue(long page, int position, float[] value) {
    IntUnaryOperator element = i -> valueElement(position, i);
    store(values, page, element, b -> valueScale(page, position, b), value);
  }

  /**
   * Stores a row.
   *
   * @param element gives the index of an element from offset {@code base} of a half on
   * @param scaleOffset gives the offset of the scale of a block of 32 elements
   */
  private void store(
      MemorySegment half,
      long base,
      IntUnaryOperator element,
      IntToLongFunction scaleOffset,
      float[] row) {
    if (!type.isScaled()) {
      for (int i = 0; i < row.length; i++) {
        set(half, base, element.applyAsInt(i), row[i]);
      }
      return;
    }
    for (int i = 0; i < row.length; i += SCALED) {
      short scale = scale(type, row, i);
      half.set(JAVA_SHORT_UNALIGNED, scaleOffset.applyAsLong(i / SCALED), scale);
      for (int j = i; j < i + SCALED; j++) {
        set(half, base, element.applyAsInt(j), quant(type, row[j], scale));
      }
    }
  }

  /** Returns the scale of a block, by which the element of largest magnitude is a code. */
  private static short scale(KvType type, float[] x, int begin) {
    float largest = 0;
    for (int i = begin; i < begin + SCALED; i++) {
      if (Float.isNaN(x[i])) {
        return Float.floatToFloat16(Float.NaN);
      }
      largest = Math.abs(x[i]) > Math.abs(largest) ? x[i] : largest;
    }
    return Float.floatToFloat16(type == KvType.Q4_0 ? largest / -8 : Math.abs(largest) / 127);
  }

  private static float quant(KvType type, float x, short scale) {
    float s = Float.float16ToFloat(scale);
    float inverse = s != 0 && Float.isFinite(s) ? 1 / s : 0;
    float code = (float) Math.rint(x * inverse);
    return type == KvType.Q4_0 ? Math.clamp(code, -8f, 7f) : Math.clamp(code, -127f, 127f);
  }
}
