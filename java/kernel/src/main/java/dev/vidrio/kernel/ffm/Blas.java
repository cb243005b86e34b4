package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Single-threaded OpenBLAS, called through libvidrio, for comparisons. No plan uses it: its results
 * do not have portable bits.
 */
public final class Blas {
  private Blas() {}

  /**
   * Loads OpenBLAS from a file, for the lifetime of the process.
   *
   * @throws NativeException if the file is not an OpenBLAS library
   */
  public static void open(Path library) {
    NativeLibrary.load();
    try (Arena arena = Arena.ofConfined()) {
      Status.check(Vidrio.vd_blas_open(arena.allocateFrom(library.toString())), library.toString());
    }
  }

  /** Computes {@code y[M,N] = x[M,K] · w[N,K]ᵀ} in f32; all off-heap, row-major. */
  public static void sgemm(int m, int n, int k, MemorySegment x, MemorySegment w, MemorySegment y) {
    requireFloats(x, (long) m * k);
    requireFloats(w, (long) n * k);
    requireFloats(y, (long) m * n);
    Status.check(Vidrio.vd_sgemm(m, n, k, x, w, y), "sgemm");
  }

  private static void requireFloats(MemorySegment segment, long count) {
    if (segment.byteSize() < Math.multiplyExact(count, (long) Float.BYTES)) {
      throw new IllegalArgumentException(
          segment.byteSize() + " bytes: must hold " + count + " floats");
    }
  }
}
