package dev.vidrio.lens.numeric;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.partial.RowPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/**
 * {@code y[M, N] = x[M, K] · W[N, K]ᵀ} in f32 on an executor's workers, with the kernel of a
 * model's weights, so that results have equal bits on every machine.
 *
 * <p>W may be changed between products. Not thread-safe.
 */
public final class MatrixProduct implements AutoCloseable {
  /** Rows and columns that are transposed together. */
  private static final int TILE = 32;

  private final Arena arena = Arena.ofShared();
  private final int n;
  private final int k;
  private final MemorySegment weights;
  private final RowPlan plan;

  /**
   * Allocates memory.
   *
   * @param rows maximum M
   */
  public MatrixProduct(Executor executor, int n, int k, int rows) {
    this.n = n;
    this.k = k;
    try {
      this.weights = executor.allocate(Math.multiplyExact(Math.multiplyExact(4L, n), k), arena);
      var w = new Weights("W", WeightType.F32, Weights.Layout.ROWS, n, k, weights);
      this.plan = RowPlan.product(executor, w, rows);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Returns the product with constant W. */
  public static MatrixProduct of(Executor executor, float[][] weights, int rows) {
    var product = new MatrixProduct(executor, weights.length, weights[0].length, rows);
    product.weights(weights);
    return product;
  }

  /** Transposes rows [n][k] to [k][n]. */
  public static float[][] transposed(float[][] rows) {
    var columns = new float[rows[0].length][rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j < columns.length; j++) {
        columns[j][i] = rows[i][j];
      }
    }
    return columns;
  }

  /**
   * Sets W.
   *
   * @param rows [n][k]; of fewer, the first rows of W
   */
  public void weights(float[][] rows) {
    for (int i = 0; i < rows.length; i++) {
      MemorySegment.copy(rows[i], 0, weights, JAVA_FLOAT, 4L * k * i, k);
    }
  }

  /**
   * Sets W to the transpose of rows.
   *
   * @param rows [k][n] or fewer, after which W is 0
   */
  public void transposedWeights(float[][] rows) {
    if (rows.length < k) {
      weights.fill((byte) 0);
    }
    IntStream.range(0, Math.ceilDiv(n, TILE))
        .parallel()
        .forEach(tile -> transpose(rows, tile * TILE, Math.min(n, (tile + 1) * TILE)));
  }

  /** Sets rows [begin, end) of W, by tiles that stay in the cache. */
  private void transpose(float[][] rows, int begin, int end) {
    for (int first = 0; first < rows.length; first += TILE) {
      int last = Math.min(rows.length, first + TILE);
      for (int j = begin; j < end; j++) {
        for (int i = first; i < last; i++) {
          weights.setAtIndex(JAVA_FLOAT, (long) k * j + i, rows[i][j]);
        }
      }
    }
  }

  /** Returns the product with rows x, [M][N]. */
  public float[][] of(float[][] x) {
    var y = new float[x.length][n];
    run(
        x.length,
        (i, row) -> MemorySegment.copy(x[i], 0, row, JAVA_FLOAT, 0, k),
        (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, y[i], 0, n));
    return y;
  }

  /** Fills or reads rows. */
  @FunctionalInterface
  public interface Row {
    /** Processes row {@code i} of all; its elements are valid during the call. */
    void at(int i, MemorySegment elements);
  }

  /**
   * Computes the product with any number of rows, which several threads fill and read.
   *
   * @param input fills each row of x
   * @param output receives each row of y
   */
  public void run(int count, Row input, Row output) {
    plan.runInParallel(count, input::at, output::at);
  }

  @Override
  public void close() {
    plan.close();
    arena.close();
  }
}
