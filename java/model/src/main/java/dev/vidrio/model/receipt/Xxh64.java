package dev.vidrio.model.receipt;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * XXH64 with seed 0 (Yann Collet): four lanes of 64 bits, two products per eight bytes. Unlike
 * SHA-256 it is fast enough to hash all logits of every token, and unlike a sum it depends on each
 * bit and its position. It does not resist an attacker who can choose the data.
 *
 * @see <a href="https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md">specification</a>
 */
public final class Xxh64 {
  private static final long P1 = 0x9E3779B185EBCA87L;
  private static final long P2 = 0xC2B2AE3D27D4EB4FL;
  private static final long P3 = 0x165667B19E3779F9L;
  private static final long P4 = 0x85EBCA77C2B2AE63L;
  private static final long P5 = 0x27D4EB2F165667C5L;

  private static final ValueLayout.OfLong WORD =
      JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt HALF =
      JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private Xxh64() {}

  /** Returns the hash of bytes. */
  public static long of(MemorySegment data) {
    long size = data.byteSize();
    long hash = P5;
    long i = 0;
    if (size >= 32) {
      long a = 0x60EA27EEADC0B5D6L; // P1 + P2, which overflows
      long b = P2;
      long c = 0;
      long d = -P1;
      for (; i <= size - 32; i += 32) {
        a = round(a, data.get(WORD, i));
        b = round(b, data.get(WORD, i + 8));
        c = round(c, data.get(WORD, i + 16));
        d = round(d, data.get(WORD, i + 24));
      }
      hash =
          Long.rotateLeft(a, 1)
              + Long.rotateLeft(b, 7)
              + Long.rotateLeft(c, 12)
              + Long.rotateLeft(d, 18);
      hash = merge(merge(merge(merge(hash, a), b), c), d);
    }
    return mix(rest(hash + size, data, i));
  }

  private static long round(long lane, long word) {
    return Long.rotateLeft(lane + (word * P2), 31) * P1;
  }

  private static long merge(long hash, long lane) {
    return ((hash ^ round(0, lane)) * P1) + P4;
  }

  /** Adds the last bytes, fewer than 32. */
  private static long rest(long before, MemorySegment data, long from) {
    long size = data.byteSize();
    long hash = before;
    long i = from;
    for (; i <= size - 8; i += 8) {
      hash = (Long.rotateLeft(hash ^ round(0, data.get(WORD, i)), 27) * P1) + P4;
    }
    if (i <= size - 4) {
      long half = Integer.toUnsignedLong(data.get(HALF, i));
      hash = (Long.rotateLeft(hash ^ (half * P1), 23) * P2) + P3;
      i += 4;
    }
    for (; i < size; i++) {
      hash = Long.rotateLeft(hash ^ (Byte.toUnsignedLong(data.get(JAVA_BYTE, i)) * P5), 11) * P1;
    }
    return hash;
  }

  private static long mix(long before) {
    long hash = before;
    hash = (hash ^ (hash >>> 33)) * P2;
    hash = (hash ^ (hash >>> 29)) * P3;
    return hash ^ (hash >>> 32);
  }
}
