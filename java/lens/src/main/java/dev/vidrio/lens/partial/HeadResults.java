package dev.vidrio.lens.partial;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.resolve.HookSource;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * Computes the contribution of each head to the output of attention: the product of z, with all
 * other heads set to zero, and W_O, with the kernels that serve. The sum over heads is the output
 * without its bias, up to rounding.
 */
public final class HeadResults implements AutoCloseable {
  /** Rows per step. */
  private static final int ROWS = 256;

  private final HookSource.HeadResults source;
  private final RowPlan plan;

  /**
   * Creates the computation.
   *
   * @param rows the expected number of rows of z per call
   */
  public HeadResults(HookSource.HeadResults source, Executor executor, int rows) {
    this.source = source;
    int step = Math.clamp((long) rows * source.heads(), 1, ROWS);
    this.plan = RowPlan.product(executor, source.output(), step);
  }

  /**
   * Computes head results [n, H, d].
   *
   * @param z [n, H, d_h]
   */
  public static void fill(
      HookSource.HeadResults source, Executor executor, MemorySegment z, MemorySegment target) {
    int rows = Math.toIntExact(z.byteSize() / (source.z().width() * 4L));
    try (var results = new HeadResults(source, executor, rows)) {
      results.fill(z, target);
    }
  }

  /**
   * Computes head results [n, H, d].
   *
   * @param z [n, H, d_h]
   */
  public void fill(MemorySegment z, MemorySegment target) {
    fill(z, IntStream.range(0, source.heads()).toArray(), target);
  }

  /**
   * Computes the results of some heads in [n, H, d]; those of others are left unchanged.
   *
   * @param z [n, H, d_h]
   */
  public void fill(MemorySegment z, int[] heads, MemorySegment target) {
    int count = source.heads();
    long width = source.z().width() * 4L;
    long headBytes = width / count;
    long outBytes = source.output().n() * 4L;
    plan.run(
        Math.toIntExact(Math.multiplyExact(z.byteSize() / width, heads.length)),
        (i, row) -> {
          long head = heads[i % heads.length] * headBytes;
          long at = i / heads.length * width + head;
          MemorySegment.copy(z, at, row.fill((byte) 0), head, headBytes);
        },
        (i, row) -> {
          long at = (long) i / heads.length * count + heads[i % heads.length];
          MemorySegment.copy(row, 0, target, at * outBytes, outBytes);
        });
  }

  @Override
  public void close() {
    plan.close();
  }
}
