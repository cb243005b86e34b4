package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.step.ExpertProduct;
import dev.vidrio.kernel.java.step.Kernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** route, expert_matmul and expert_sum. */
class ExpertsTest {
  private static final double U = 0x1p-24;
  private static final int ROWS = 7;

  private final List<Kernels> both = List.of(new ScalarKernels(), new VectorKernels());
  private final Random random = new Random(41);

  private static Buffer buffer(String name, int width) {
    return new Buffer(name, Rows.TOKENS, width);
  }

  /** Experts by a stable sort, weights by the softmax in double. */
  @ParameterizedTest
  @EnumSource(ExpertOp.RouteOver.class)
  void route(ExpertOp.RouteOver over) {
    for (int[] size : new int[][] {{1, 1}, {8, 2}, {17, 17}, {128, 8}}) {
      int count = size[0];
      int k = size[1];
      var op =
          new ExpertOp.Route(over, buffer("l", count), buffer("experts", k), buffer("weights", k));
      try (Arena arena = Arena.ofConfined()) {
        // Rounded to halves, so that many are equal.
        MemorySegment logits =
            Segments.floats(
                arena, (long) ROWS * count, () -> Math.rint(4 * random.nextGaussian()) / 2);
        for (Kernels kernels : both) {
          MemorySegment experts = Segments.floats(arena, (long) ROWS * k);
          MemorySegment weights = Segments.floats(arena, (long) ROWS * k);
          kernels.route(op, logits, experts, weights, 0, 3);
          kernels.route(op, logits, experts, weights, 3, ROWS);
          for (int row = 0; row < ROWS; row++) {
            assertRoute(op, logits, experts, weights, row);
          }
        }
      }
    }
  }

  private static void assertRoute(
      ExpertOp.Route op,
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      int row) {
    int count = op.logits().width();
    int k = op.experts().width();
    double[] l =
        IntStream.range(0, count)
            .mapToDouble(e -> logits.getAtIndex(JAVA_FLOAT, (long) row * count + e))
            .toArray();
    List<Integer> order =
        IntStream.range(0, count)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer e) -> 0 - l[e]))
            .toList();
    List<Integer> summed = op.over() == ExpertOp.RouteOver.ALL ? order : order.subList(0, k);
    double sum = summed.stream().mapToDouble(e -> Math.exp(l[e] - l[order.getFirst()])).sum();
    for (int slot = 0; slot < k; slot++) {
      long at = (long) row * k + slot;
      assertEquals(order.get(slot).floatValue(), experts.getAtIndex(JAVA_FLOAT, at));
      double exact = Math.exp(l[order.get(slot)] - l[order.getFirst()]) / sum;
      // Exponentials are off by 2 U each, the sum by its roundings, the quotient by one.
      double bound = exact * U * (2 + 2 + count + 1);
      assertTrue(Math.abs(weights.getAtIndex(JAVA_FLOAT, at) - exact) <= bound);
    }
  }

  /** Every slot is the plain product of its row with the matrix of its expert. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"F32", "BF16"})
  void productsOfSlots(WeightType type) {
    int n = 21;
    int width = 35;
    int k = 2;
    try (Arena arena = Arena.ofConfined()) {
      List<Weights> matrices = new ArrayList<>();
      for (int e = 0; e < 5; e++) {
        matrices.add(Segments.matrix(arena, type, n, width, random));
      }
      MemorySegment experts =
          Segments.floats(arena, (long) ROWS * k, () -> random.nextInt(matrices.size()));
      for (int slots : new int[] {1, k}) {
        MemorySegment x = Segments.floats(arena, (long) ROWS * slots * width, random::nextGaussian);
        var op =
            new ExpertOp.ExpertMatMul(
                matrices, buffer("experts", k), buffer("x", slots * width), buffer("y", k * n));
        for (Kernels kernels : both) {
          MemorySegment y = Segments.floats(arena, (long) ROWS * k * n);
          var product = new ExpertProduct(op, experts, x, y);
          product.run(kernels, ROWS, 0, 1);
          product.run(kernels, ROWS, 1, 2);
          for (int slot = 0; slot < ROWS * k; slot++) {
            long row = slots == 1 ? slot / k : slot;
            MemorySegment expected = Segments.floats(arena, n);
            new ScalarKernels()
                .matMul(
                    matrices.get((int) experts.getAtIndex(JAVA_FLOAT, slot)),
                    x.asSlice(4 * row * width, 4L * width),
                    expected,
                    1,
                    0,
                    2);
            Segments.assertSameBits(expected, y.asSlice(4L * slot * n, 4L * n), "slot " + slot);
          }
        }
      }
    }
  }

  @Test
  void sumOfSlots() {
    int k = 3;
    int d = 37;
    var op = new ExpertOp.ExpertSum(buffer("x", k * d), buffer("weights", k), buffer("y", d));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = Segments.floats(arena, (long) ROWS * k * d, random::nextGaussian);
      MemorySegment weights = Segments.floats(arena, (long) ROWS * k, random::nextGaussian);
      for (Kernels kernels : both) {
        MemorySegment y = Segments.floats(arena, (long) ROWS * d);
        kernels.expertSum(op, x, weights, y, 0, 2);
        kernels.expertSum(op, x, weights, y, 2, ROWS);
        for (int i = 0; i < ROWS * d; i++) {
          float sum = 0;
          for (int slot = 0; slot < k; slot++) {
            long at = (long) i / d * k + slot;
            sum += weights.getAtIndex(JAVA_FLOAT, at) * x.getAtIndex(JAVA_FLOAT, at * d + i % d);
          }
          assertEquals(sum, y.getAtIndex(JAVA_FLOAT, i));
        }
      }
    }
  }
}
