package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.EditTable.Region;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.java.bind.ExpertProduct;
import dev.vidrio.kernel.java.scalar.ExpertsBackward;
import dev.vidrio.kernel.java.scalar.ScalarExperts;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Operations of mixtures of experts. */
class ExpertsTest {
  private static final double U = 0x1p-24;
  private static final int ROWS = 7;

  private final List<ScalarKernels> both = List.of(new ScalarKernels(), new VectorKernels());
  private final Random random = new Random(41);

  private static Buffer buffer(String name, int width) {
    return new Buffer(name, Rows.TOKENS, width);
  }

  /** Against experts by a stable sort and weights by softmax and sigmoid in double. */
  @ParameterizedTest
  @CsvSource({
    "SOFTMAX, CHOSEN, false",
    "SOFTMAX, ALL, false",
    "SOFTMAX, SPARSE_MIXER, false",
    "SOFTMAX, CHOSEN, true",
    "SIGMOID, CHOSEN, true",
    "SIGMOID, ALL, false"
  })
  void route(ExpertOp.RouteScore score, ExpertOp.RouteOver over, boolean biased) {
    for (int[] size : new int[][] {{1, 1}, {8, 2}, {17, 17}, {128, 8}}) {
      int count = size[0];
      int k = size[1];
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bias = Segments.floats(arena, count, () -> random.nextInt(4));
        var op =
            new ExpertOp.Route(
                score,
                over,
                biased
                    ? new Weights("b", WeightType.F32, Weights.Layout.ROWS, 1, count, bias)
                    : null,
                null,
                buffer("l", count),
                buffer("experts", k),
                buffer("weights", k));
        // Rounded to multiples of 1/2, so that many are equal.
        MemorySegment logits =
            Segments.floats(
                arena, (long) ROWS * count, () -> Math.rint(4 * random.nextGaussian()) / 2);
        MemorySegment experts = Segments.floats(arena, (long) ROWS * k);
        MemorySegment weights = Segments.floats(arena, (long) ROWS * k);
        for (int row = 0; row < ROWS; row++) {
          ScalarExperts.route(op, logits, experts, weights, row);
        }
        for (int row = 0; row < ROWS; row++) {
          assertRoute(op, logits, experts, weights, row);
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
    double all = Arrays.stream(l).map(Math::exp).sum();
    double[] score =
        Arrays.stream(l)
            .map(
                logit ->
                    op.score() == ExpertOp.RouteScore.SIGMOID
                        ? 1 / (1 + Math.exp(-logit))
                        : Math.exp(logit) / all)
            .toArray();
    double[] rank = score.clone();
    for (int e = 0; e < count && op.bias() != null; e++) {
      rank[e] += op.bias().data().getAtIndex(JAVA_FLOAT, e);
    }
    List<Integer> order =
        IntStream.range(0, count)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer e) -> 0 - rank[e]))
            .toList();
    double chosen = order.subList(0, k).stream().mapToDouble(e -> score[e]).sum();
    for (int slot = 0; slot < k; slot++) {
      long at = (long) row * k + slot;
      assertEquals(order.get(slot).floatValue(), experts.getAtIndex(JAVA_FLOAT, at));
      double exact =
          switch (op.over()) {
            case ALL -> score[order.get(slot)];
            case CHOSEN -> score[order.get(slot)] / chosen;
            case SPARSE_MIXER -> sparseMixerWeight(l, order, slot);
          };
      // Exponentials are off by 2 U each, sums by their roundings, quotients by one.
      double bound = exact * U * (2 + 2 + count + 4);
      assertTrue(Math.abs(weights.getAtIndex(JAVA_FLOAT, at) - exact) <= bound);
    }
  }

  /** Returns the weight of a slot among the experts with close logits that no earlier slot has. */
  private static double sparseMixerWeight(double[] l, List<Integer> order, int slot) {
    double m = l[order.get(slot)];
    return 1
        / order.stream()
            .skip(slot)
            .filter(e -> !((m - l[e]) / Math.max(Math.abs(l[e]), m) > 0.02))
            .mapToDouble(e -> Math.exp(l[e] - m))
            .sum();
  }

  /** Every slot equals the ordinary product of its row with the matrix of its expert, plus bias. */
  @ParameterizedTest
  @EnumSource(
      value = WeightType.class,
      names = {"F32", "BF16"})
  void expertMatMul_multipliesByMatrixOfSlot(WeightType type) {
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
      MemorySegment biases =
          Segments.floats(arena, (long) matrices.size() * n, random::nextGaussian);
      var bias =
          new Weights("b", WeightType.F32, Weights.Layout.ROWS, 1, matrices.size() * n, biases);
      for (int slots : new int[] {1, k}) {
        MemorySegment x = Segments.floats(arena, (long) ROWS * slots * width, random::nextGaussian);
        var op =
            new ExpertOp.ExpertMatMul(
                matrices,
                bias,
                buffer("experts", k),
                buffer("x", slots * width),
                buffer("y", k * n));
        for (ScalarKernels kernels : both) {
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
            long first = n * (long) experts.getAtIndex(JAVA_FLOAT, slot);
            for (int i = 0; i < n; i++) {
              float sum =
                  expected.getAtIndex(JAVA_FLOAT, i) + biases.getAtIndex(JAVA_FLOAT, first + i);
              expected.setAtIndex(JAVA_FLOAT, i, sum);
            }
            Segments.assertSameBits(expected, y.asSlice(4L * slot * n, 4L * n), "slot " + slot);
          }
        }
      }
    }
  }

  @Test
  void expertSum_addsWeightedSlots() {
    int k = 3;
    int d = 37;
    var op = new ExpertOp.ExpertSum(buffer("x", k * d), buffer("weights", k), buffer("y", d));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = Segments.floats(arena, (long) ROWS * k * d, random::nextGaussian);
      MemorySegment weights = Segments.floats(arena, (long) ROWS * k, random::nextGaussian);
      for (ScalarKernels kernels : both) {
        MemorySegment y = Segments.floats(arena, (long) ROWS * d);
        for (int row = 0; row < ROWS; row++) {
          kernels.expertSum(op, x, weights, y, row, 0);
        }
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

  private Weights matrix(Arena arena, int n, int k) {
    return Segments.matrix(arena, WeightType.F32, n, k, random);
  }

  /** A slot with an invalid expert contributes no gradient to logits. */
  @ParameterizedTest
  @CsvSource({
    "SOFTMAX, CHOSEN",
    "SOFTMAX, ALL",
    "SOFTMAX, SPARSE_MIXER",
    "SIGMOID, CHOSEN",
    "SIGMOID, ALL"
  })
  void routeBackward_slotWithoutExpert(ExpertOp.RouteScore score, ExpertOp.RouteOver over) {
    int count = 12;
    float[] strangers = {-1, 0.5f, count, 1e9f, -1e9f, Float.NaN, Float.POSITIVE_INFINITY};
    int k = strangers.length;
    Buffer logits = buffer("logits", count);
    Buffer weights = buffer("weights", k);
    var route = new ExpertOp.Route(score, over, null, null, logits, buffer("experts", k), weights);
    var op = new BackwardOp.Route(route, buffer("dWeights", k), buffer("dLogits", count));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment quarters = Segments.floats(arena, k, () -> 0.25);
      MemorySegment dLogits = Segments.floats(arena, count, () -> 1.0);
      ExpertsBackward.route(
          op,
          Segments.floats(arena, count),
          Segments.floats(arena, strangers),
          quarters,
          quarters,
          dLogits,
          0);
      boolean shared = score == ExpertOp.RouteScore.SOFTMAX && over == ExpertOp.RouteOver.ALL;
      for (int e = 0; e < count; e++) {
        float expected = shared ? -k / 16f / count : 0;
        assertEquals(expected, dLogits.getAtIndex(JAVA_FLOAT, e), 1e-6);
      }
    }
  }

  /** Slots with invalid experts have zero products and gradients, on every executor. */
  @Test
  void expertMatMul_slotWithoutExpert() {
    int d = 35;
    int count = 5;
    int k = 2;
    Buffer x = buffer("x", d);
    Buffer logits = buffer("logits", count);
    Buffer experts = buffer("experts", k);
    Buffer weights = buffer("weights", k);
    Buffer edited = buffer("edited", k);
    Buffer products = buffer("products", k * d);
    Buffer y = buffer("y", d);
    var edits = new EditTable(k, 3, false);
    try (Arena arena = Arena.ofShared()) {
      edits.add(new Region(0, 0, 9, 0, 1), new EditKind.Set(Segments.floats(arena, -1f)));
      edits.add(new Region(1, 2, 40, 1, 2), new EditKind.Set(Segments.floats(arena, 0.5f)));
      edits.add(
          new Region(2, 0, PlanRuns.POSITIONS, 0, 2),
          new EditKind.Set(Segments.floats(arena, count, Float.NaN)));
      List<Weights> matrices =
          IntStream.range(0, count).mapToObj(e -> matrix(arena, d, d)).toList();
      Plan forward =
          new Plan(
              List.of(
                  new Op.Embed(
                      matrix(arena, PlanRuns.LIMITS.vocabulary(), d),
                      Op.EmbedIndex.TOKENS,
                      0,
                      0,
                      x),
                  new Op.MatMul(matrix(arena, count, d), x, logits),
                  new ExpertOp.Route(
                      ExpertOp.RouteScore.SOFTMAX,
                      ExpertOp.RouteOver.ALL,
                      null,
                      null,
                      logits,
                      experts,
                      weights),
                  new HookOp.Edit(experts, edits, edited),
                  new ExpertOp.ExpertMatMul(matrices, null, edited, x, products),
                  new ExpertOp.ExpertSum(products, weights, y)),
              new KvShape(1, 1, 32),
              Set.of(products, y));
      MemorySegment seed =
          Segments.floats(arena, (long) PlanRuns.LIMITS.tokens() * d, random::nextGaussian);
      Plan plan =
          new Differentiation(Map.of(y, seed), Set.of(x), GradientRules.EXACT)
              .differentiate(forward)
              .plan();
      List<List<Token>> steps = PlanRuns.steps(3);
      List<Map<Buffer, int[]>> bits = PlanRuns.assertSameBits(plan, KvType.F32, steps, i -> {});
      for (int i = 0; i < steps.size(); i++) {
        for (int row = 0; row < steps.get(i).size(); row++) {
          if (steps.get(i).get(row).sequence() == 2) {
            int[] of = Objects.requireNonNull(bits.get(i).get(products));
            assertArrayEquals(
                new int[k * d], Arrays.copyOfRange(of, row * k * d, (row + 1) * k * d));
          }
        }
      }
    }
  }
}
