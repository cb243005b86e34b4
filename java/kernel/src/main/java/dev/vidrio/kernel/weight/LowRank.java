package dev.vidrio.kernel.weight;

import static dev.vidrio.kernel.argument.Arguments.require;

import java.lang.foreign.MemorySegment;

/**
 * An adapter's update of a matrix [N, K]: {@code scale · B · A}, of rank r (LoRA: Hu et al. 2021,
 * arXiv 2106.09685).
 *
 * @param a [r, K], F32 in rows
 * @param n N
 * @param b [⌈N / 16⌉, r, 16] f32: rows of B interleaved in groups of 16, the last group padded with
 *     zeros
 * @param scale finite
 */
public record LowRank(Weights a, int n, MemorySegment b, float scale) {
  /** Interleaved rows of B; {@code VD_LOW_RANK_COLUMNS}. */
  public static final int GROUP = 16;

  /** The maximum rank; {@code VD_LOW_RANK_MAX}. */
  public static final int MAX_RANK = 512;

  public LowRank {
    require(
        a.type() == WeightType.F32 && a.layout() == Weights.Layout.ROWS,
        a.name() + ": must be an F32 matrix in row layout");
    require(a.n() <= MAX_RANK, a.name() + ": rank " + a.n() + " exceeds " + MAX_RANK);
    require(n > 0, a.name() + ": " + n + " outputs: must be positive");
    require(
        b.byteSize() == bytes(n, a.n()),
        a.name() + ": B has " + b.byteSize() + " bytes, not " + bytes(n, a.n()));
    require(Float.isFinite(scale), a.name() + ": scale " + scale + " must be finite");
  }

  /** Returns the bytes of B for {@code n} outputs. */
  public static long bytes(int n, int rank) {
    return Math.multiplyExact((long) Math.ceilDiv(n, GROUP) * GROUP * Float.BYTES, (long) rank);
  }

  /** Returns the index in b of B[row][column]. */
  public static long index(int rank, int row, int column) {
    return ((long) row / GROUP * rank + column) * GROUP + row % GROUP;
  }

  /** Returns r. */
  public int rank() {
    return a.n();
  }

  /** Returns K. */
  public int k() {
    return a.k();
  }
}
