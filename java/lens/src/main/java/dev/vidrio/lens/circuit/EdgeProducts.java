package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.partial.RowPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.TreeMap;

/**
 * Products of the changes of all sources' outputs with gradients of destinations, for one pair of
 * texts: the scores of edges. Sums are in f32, in 16 lanes; padding with zeros does not change
 * them.
 */
final class EdgeProducts implements AutoCloseable {
  /** Gradients per run. */
  private static final int ROWS = 16;

  /** Numbers of sources that have a plan of their own. */
  private static final int SIZES = 8;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment changes;
  private final int width;

  /** Plans by the number of sources. */
  private final TreeMap<Integer, RowPlan> plans = new TreeMap<>();

  /**
   * Allocates memory.
   *
   * @param sources number of sources
   * @param width maximum elements of an output: positions times d
   */
  EdgeProducts(Executor executor, int sources, int width) {
    this.width = width;
    try {
      this.changes = executor.allocate(Math.multiplyExact(4L * sources, width), arena);
      for (int i = 1; i <= SIZES; i++) {
        int n = Math.ceilDiv(sources * i, SIZES);
        if (!plans.containsKey(n)) {
          MemorySegment data = changes.asSlice(0, 4L * n * width);
          var w = new Weights("changes", WeightType.F32, Weights.Layout.ROWS, n, width, data);
          plans.put(n, RowPlan.product(executor, w, ROWS));
        }
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  /** Sets the change of a source to {@code length} elements from {@code at}. */
  void set(int source, float[] change, int at, int length) {
    long row = 4L * width * source;
    MemorySegment.copy(change, at, changes, JAVA_FLOAT, row, length);
    changes.asSlice(row + 4L * length, 4L * (width - length)).fill((byte) 0);
  }

  /** Receives the scores of a gradient. */
  @FunctionalInterface
  interface Sink {
    /** Receives the products of gradient {@code i} with all sources' changes, f32. */
    void take(int i, MemorySegment scores);
  }

  /**
   * Multiplies gradients by the changes of the first sources.
   *
   * @param sources number of sources that are needed; products with more may be passed
   * @param gradients each has {@code length} elements from {@code at}
   */
  void multiply(int sources, List<float[]> gradients, int at, int length, Sink sink) {
    RowPlan plan = plans.ceilingEntry(sources).getValue();
    plan.run(
        gradients.size(),
        (i, row) -> {
          MemorySegment.copy(gradients.get(i), at, row, JAVA_FLOAT, 0, length);
          row.asSlice(4L * length).fill((byte) 0);
        },
        sink::take);
  }

  @Override
  public void close() {
    plans.values().forEach(RowPlan::close);
    arena.close();
  }
}
