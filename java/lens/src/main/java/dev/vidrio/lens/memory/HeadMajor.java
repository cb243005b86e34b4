package dev.vidrio.lens.memory;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Brings rows [n, H, P] of scores or patterns into the order that activations have, [H, n, keys].
 */
final class HeadMajor {
  private HeadMajor() {}

  /**
   * Copies rows of all that there are.
   *
   * @param rows from row 0 on, [count, H, P]
   * @param begin which of n rows that row is
   * @param keys at most P
   * @param target [H, n, keys]
   */
  static void copy(
      MemorySegment rows, int begin, int count, int n, int heads, int keys, MemorySegment target) {
    if (count == 0) {
      return;
    }
    long stride = rows.byteSize() / count / heads;
    long bytes = keys * (long) Float.BYTES;
    IntStream.range(0, heads)
        .parallel()
        .forEach(
            h -> {
              for (int i = 0; i < count; i++) {
                long to = ((long) h * n + begin + i) * bytes;
                MemorySegment.copy(rows, ((long) i * heads + h) * stride, target, to, bytes);
              }
            });
  }
}
