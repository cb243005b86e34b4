package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TopKTest {
  private static final int ROWS = 3;

  private final List<ScalarKernels> both = List.of(new ScalarKernels(), new VectorKernels());
  private final Random random = new Random(5);

  private record Result(MemorySegment values, MemorySegment ids, MemorySegment sums) {}

  private static Op.TopK op(int width, int k) {
    return new Op.TopK(
        new Buffer("x", Rows.LOGITS, width),
        new Buffer("values", Rows.LOGITS, k),
        new Buffer("ids", Rows.LOGITS, k),
        new Buffer("sums", Rows.LOGITS, 2));
  }

  private static Result run(ScalarKernels kernels, Op.TopK op, MemorySegment x, Arena arena) {
    var result =
        new Result(
            Segments.floats(arena, (long) ROWS * op.k()),
            Segments.floats(arena, (long) ROWS * op.k()),
            Segments.floats(arena, 2L * ROWS));
    for (int row = 0; row < ROWS; row++) {
      kernels.topK().row(op, x, result.values, result.ids, result.sums, row);
    }
    return result;
  }

  /** Returns one of few values, so that many are equal, and sometimes NaN. */
  private double value(boolean nasty) {
    if (nasty && random.nextInt(9) == 0) {
      return new double[] {Double.NaN, Double.NEGATIVE_INFINITY, -0.0}[random.nextInt(3)];
    }
    return random.nextInt(3) == 0 ? random.nextInt(-9, 9) : 3 * random.nextGaussian();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 15, 16, 17, 63, 64, 65, 200, 257, 1000, 1025, 5000})
  void findsLargestElementsAndSums(int width) {
    for (boolean nasty : new boolean[] {false, true}) {
      for (int k : new int[] {1, Math.min(width, 40), Math.min(width, Op.TopK.MAX)}) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment x = Segments.floats(arena, (long) ROWS * width, () -> value(nasty));
          Op.TopK op = op(width, k);
          Result scalar = run(both.getFirst(), op, x, arena);
          for (int row = 0; row < ROWS; row++) {
            assertLargest(op, x, row, scalar);
            if (!nasty) {
              assertSum(x.asSlice(4L * row * width, 4L * width), row, scalar);
            }
          }
          Result vector = run(both.getLast(), op, x, arena);
          assertEquals(-1, scalar.ids.mismatch(vector.ids), "ids");
          Segments.assertSameBits(scalar.values, vector.values, "values");
          Segments.assertSameBits(scalar.sums, vector.sums, "sums");
        }
      }
    }
  }

  private static void assertLargest(Op.TopK op, MemorySegment x, int row, Result result) {
    int width = op.x().width();
    List<Integer> order =
        IntStream.range(0, width)
            .boxed()
            .sorted(
                Comparator.comparingDouble(
                    id -> {
                      double v = x.getAtIndex(JAVA_FLOAT, (long) row * width + id);
                      return Double.isNaN(v) ? Double.POSITIVE_INFINITY : 0.0 - v;
                    }))
            .toList();
    for (int i = 0; i < op.k(); i++) {
      long at = (long) row * op.k() + i;
      assertEquals(order.get(i), result.ids.getAtIndex(JAVA_INT, at), "id " + i);
      assertEquals(
          x.getAtIndex(JAVA_FLOAT, (long) row * width + order.get(i)),
          result.values.getAtIndex(JAVA_FLOAT, at));
    }
  }

  private static void assertSum(MemorySegment x, int row, Result result) {
    float[] values = x.toArray(JAVA_FLOAT);
    double maximum = Double.NEGATIVE_INFINITY;
    for (float v : values) {
      maximum = Math.max(maximum, v);
    }
    double sum = 0;
    for (float v : values) {
      sum += Math.exp(v - maximum);
    }
    // Arguments span 32 at most: 16 units of rounding; exponentials, lanes and merging: as in C.
    double roundings = 32 + values.length / 1024.0 + 5 + 5 * 64;
    assertEquals(maximum, result.sums.getAtIndex(JAVA_FLOAT, 2L * row));
    assertEquals(sum, result.sums.getAtIndex(JAVA_FLOAT, 2L * row + 1), roundings * 0x1p-24 * sum);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 8, 300})
  void rejectsInvalidK(int k) {
    assertThrows(IllegalArgumentException.class, () -> op(k == 300 ? 1000 : 7, k));
  }
}
