package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Encodes weights of one type as another, in parallel on the common pool. */
public final class WeightEncoder {

  /** Elements that one task encodes. */
  private static final long TASK_ELEMENTS = 1 << 18;

  private WeightEncoder() {}

  /**
   * Encodes a matrix [n, k], row-major in GGUF's layout; all memory is off-heap.
   *
   * @param importance [k] floats, the weights of the squared errors of columns, or null
   * @param target memory of exactly the size of the encoded matrix
   * @return the first row with an element that is infinite, NaN or out of the range of the type, or
   *     empty if there is none
   */
  public static OptionalLong encode(
      WeightType from,
      WeightType to,
      long n,
      int k,
      MemorySegment source,
      @Nullable MemorySegment importance,
      MemorySegment target) {
    NativeLibrary.load();
    requireBytes(source, Math.multiplyExact(n, from.bytes(k)));
    requireBytes(target, Math.multiplyExact(n, to.bytes(k)));
    if (importance != null) {
      requireBytes(importance, (long) k * Float.BYTES);
    }
    MemorySegment weights = importance == null ? MemorySegment.NULL : importance;
    long rows = Math.max(1, TASK_ELEMENTS / k);
    return LongStream.range(0, Math.ceilDiv(n, rows))
        .parallel()
        .map(
            i -> {
              long end = Math.min((i + 1) * rows, n);
              return encodeRows(from, to, k, source, weights, target, i * rows, end);
            })
        .filter(row -> row >= 0)
        .min();
  }

  /** Encodes rows [begin, end) and returns the first invalid one, or −1. */
  private static long encodeRows(
      WeightType from,
      WeightType to,
      int k,
      MemorySegment source,
      MemorySegment importance,
      MemorySegment target,
      long begin,
      long end) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment badRow = arena.allocate(JAVA_LONG);
      int status =
          Vidrio.vd_encode(from.id(), to.id(), k, source, importance, target, begin, end, badRow);
      if (status == Vidrio.VD_OUT_OF_RANGE()) {
        return badRow.get(JAVA_LONG, 0);
      }
      Status.check(status, "encoding " + from + " as " + to);
      return -1;
    }
  }

  private static void requireBytes(MemorySegment segment, long bytes) {
    if (segment.byteSize() != bytes) {
      throw new IllegalArgumentException(segment.byteSize() + " bytes: must be " + bytes);
    }
  }
}
