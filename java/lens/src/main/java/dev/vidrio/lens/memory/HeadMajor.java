package dev.vidrio.lens.memory;

import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** Transposes rows [n, H, P] of scores or patterns to [H, n, keys]. */
final class HeadMajor {
  private HeadMajor() {}

  /**
   * Copies a part of the rows.
   *
   * @param rows from row 0 on, [count, H, P]
   * @param begin the index of that row among all n
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
