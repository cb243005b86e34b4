package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradients of random transformers: their bits depend on neither executor nor workers. */
class GradientTest {
  private static final int TOKENS = 90;

  private static final List<GradientRules> RULES =
      List.of(
          GradientRules.EXACT, GradientRules.ATTN_LRP, GradientRules.CP_LRP, GradientRules.FROZEN);

  /** Returns one step with sequences of 31, 40 and 2 tokens, from their first positions on. */
  private static List<List<Token>> step() {
    List<Token> step = new ArrayList<>();
    int[] lengths = {31, 40, 2};
    for (int s = 0; s < lengths.length; s++) {
      for (int p = 0; p < lengths[s]; p++) {
        step.add(new Token(s, p, (7 * p + 3 * s) % 60, p % 4 == 1));
      }
    }
    return List.of(step);
  }

  private static Gradient gradient(long seed, Arena arena) {
    return gradient(seed, arena, false);
  }

  private static Gradient gradient(long seed, Arena arena, boolean recompute) {
    Plan plan = PlanFixtures.transformer(seed, arena);
    Buffer logits = ((Op.TopK) plan.ops().getLast()).x();
    Random random = new Random(seed);
    MemorySegment values = arena.allocate(4L * TOKENS * logits.width(), 64);
    for (int i = 0; i < TOKENS * logits.width(); i++) {
      values.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    Set<Buffer> wanted = new HashSet<>();
    for (Op op : plan.ops()) {
      for (Operand y : op.writes()) {
        if (y instanceof Buffer buffer && buffer.name().matches("(embed|post|mid|z|norm2.).*")) {
          wanted.add(buffer);
        }
      }
    }
    GradientRules rules = RULES.get((int) (seed % RULES.size()));
    var differentiation = new Differentiation(Map.of(logits, values), wanted, rules);
    return recompute
        ? differentiation.recomputing(Set.of(plan.buffer("post0"))).differentiate(plan)
        : differentiation.differentiate(plan);
  }

  @ParameterizedTest
  @MethodSource(PlanFixtures.SEEDS)
  @Tag("long")
  void equalBitsOnEveryExecutor(long seed) {
    try (Arena arena = Arena.ofShared()) {
      assertSameEverywhere(gradient(seed, arena).plan());
    }
  }

  private static void assertSameEverywhere(Plan plan) {
    Limits limits = PlanFixtures.limits(TOKENS, 100);
    Map<String, int[]> expected;
    try (JavaExecutor scalar = JavaExecutor.scalar(2)) {
      expected = PlanFixtures.run(scalar, plan, limits, step()).getFirst();
    }
    try (JavaExecutor vector = JavaExecutor.vector(3)) {
      assertSame(plan, expected, PlanFixtures.run(vector, plan, limits, step()).getFirst());
    }
    for (Isa isa : PlanFixtures.instructionSets()) {
      try (NativeExecutor executor = NativeExecutor.create(isa, 3)) {
        assertSame(plan, expected, PlanFixtures.run(executor, plan, limits, step()).getFirst());
      }
    }
  }

  /** Plain and gated, forward and backward, with arguments of every magnitude. */
  @ParameterizedTest
  @EnumSource(Op.ActivationKind.class)
  void equalBitsOfActivationGradients(Op.ActivationKind kind) {
    int width = 43;
    int rows = RandomTransformer.VOCABULARY;
    Random random = new Random(29);
    try (Arena arena = Arena.ofShared()) {
      Weights table = Segments.matrix(arena, WeightType.F32, rows, width, random);
      for (int i = 0; i < rows * width; i++) {
        int exponent = random.nextInt(10) == 0 ? -140 : random.nextInt(-8, 8);
        float value = table.data().getAtIndex(JAVA_FLOAT, i);
        table.data().setAtIndex(JAVA_FLOAT, i, Math.scalb(value, exponent));
      }
      var builder = new PlanBuilder(new KvShape(1, 1, 32));
      Buffer x = builder.embed("x", table);
      Weights factors = Segments.matrix(arena, WeightType.F32, rows, width, random);
      Buffer up = builder.embed("up", factors);
      Buffer alone = builder.output(builder.activation("alone", kind, x));
      Buffer gated = builder.output(builder.gated("gated", kind, x, up));
      Plan plan = builder.build();
      MemorySegment seed = Segments.floats(arena, (long) TOKENS * width, random::nextGaussian);
      for (GradientRules rules : RULES) {
        Map<Buffer, MemorySegment> seeds = Map.of(alone, seed, gated, seed);
        assertSameEverywhere(new Differentiation(seeds, Set.of(x, up), rules).apply(plan));
      }
    }
  }

  @ParameterizedTest
  @MethodSource(PlanFixtures.SEEDS)
  void recomputation_keepsBits(long seed) {
    try (Arena arena = Arena.ofShared();
        NativeExecutor executor = NativeExecutor.create()) {
      Limits limits = PlanFixtures.limits(TOKENS, 100);
      Plan kept = gradient(seed, arena).plan();
      Plan again = gradient(seed, arena, true).plan();
      assertTrue(again.ops().size() > kept.ops().size());
      assertSame(
          kept,
          PlanFixtures.run(executor, kept, limits, step()).getFirst(),
          PlanFixtures.run(executor, again, limits, step()).getFirst());
    }
  }

  /** Reports the first gradient that differs: its operation is at fault. */
  private static void assertSame(
      Plan plan, Map<String, int[]> expected, Map<String, int[]> actual) {
    for (String name : PlanFixtures.outputNames(plan)) {
      for (int bits : Objects.requireNonNull(expected.get(name))) {
        assertTrue(Float.isFinite(Float.intBitsToFloat(bits)), name);
      }
      assertArrayEquals(expected.get(name), actual.get(name), name);
    }
  }

  @Test
  void unreachableActivation_throws() {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = PlanFixtures.transformer(1, arena);
      Buffer mid = plan.buffer("mid0");
      Buffer later = plan.buffer("post1");
      MemorySegment values = arena.allocate(4L * mid.width());
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () ->
                  new Differentiation(Map.of(mid, values), Set.of(later), GradientRules.EXACT)
                      .differentiate(plan));
      assertTrue(Objects.requireNonNull(e.getMessage()).contains("post1"), e.getMessage());
    }
  }
}
