package dev.vidrio.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.ffm.Blas;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** F32 products by our kernels and by single-threaded OpenBLAS. */
public class BlasBenchmark extends Protocol {

  /** Computes {@code y[M,N] = x[M,K] · W[N,K]ᵀ} by an executor. */
  @Benchmark
  public void kernel(Kernel product) {
    product.slice.run();
  }

  /** Computes the product by OpenBLAS. */
  @Benchmark
  public void openBlas(OpenBlas product) {
    product.run();
  }

  /** The product on an executor. */
  @State(Scope.Benchmark)
  public static class Kernel extends ByExecutor {
    private PlanSlice slice;

    /** Creates the plan and checks the result. */
    @Setup
    public void open(Product product) {
      slice = new PlanSlice(createExecutor(), product::work);
    }

    /** Frees all memory. */
    @TearDown
    public void close() {
      slice.close();
    }
  }

  /** The shape of the product. */
  @State(Scope.Benchmark)
  public static class Product {
    /** A file of {@code bench/shapes}. */
    @Param({"bard", "smollm2-135m", "gemma-3-270m", "qwen2.5-0.5b", "llama-3.2-1b", "qwen2.5-7b"})
    public String model;

    /** The matrix of the model. */
    @Param("FFN_UP")
    public Projection projection;

    /** M. */
    @Param({"1", "8", "512"})
    public int tokens;

    private PlanSlice.Work work(Inputs inputs) {
      return MatMulBenchmark.product(projection, WeightType.F32, tokens, Shape.of(model), inputs);
    }
  }

  /** The product in OpenBLAS. */
  @State(Scope.Benchmark)
  public static class OpenBlas {
    private final Arena arena = Arena.ofShared();
    private int m;
    private int n;
    private int k;
    private MemorySegment x;
    private MemorySegment w;
    private MemorySegment y;

    /** Creates the matrices and checks the result. */
    @Setup
    public void open(Product product) {
      Blas.open(OpenBlasLibrary.path());
      Shape shape = Shape.of(product.model);
      m = product.tokens;
      n = product.projection.n(shape);
      k = product.projection.k(shape);
      try (var memory = NativeExecutor.create()) {
        var inputs = new Inputs(memory, arena);
        x = inputs.matrix(WeightType.F32, m, k).data();
        w = inputs.matrix(WeightType.F32, n, k).data();
        y = memory.allocate((long) m * n * Float.BYTES, arena);
      }
      run();
      compare();
    }

    private void run() {
      Blas.sgemm(m, n, k, x, w, y);
    }

    /**
     * Compares the first and the last row with sums in double. In any order of summation, an f32
     * sum differs from the exact one by at most K·2⁻²⁴ times the sum of magnitudes, to first order.
     */
    private void compare() {
      for (int row : new int[] {0, m - 1}) {
        for (int column = 0; column < n; column++) {
          double sum = 0;
          double magnitude = 0;
          for (int i = 0; i < k; i++) {
            double term =
                (double) x.getAtIndex(JAVA_FLOAT, (long) row * k + i)
                    * w.getAtIndex(JAVA_FLOAT, (long) column * k + i);
            sum += term;
            magnitude += Math.abs(term);
          }
          float actual = y.getAtIndex(JAVA_FLOAT, (long) row * n + column);
          if (!(Math.abs(actual - sum) <= k * 0x1p-24 * magnitude)) {
            throw new IllegalStateException(
                "OpenBLAS gives " + actual + " at [" + row + ", " + column + "], not " + sum);
          }
        }
      }
    }

    /** Frees the matrices. */
    @TearDown
    public void close() {
      arena.close();
    }
  }
}
