package dev.vidrio.kernel.java;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random transformers: bits do not depend on executor, workers, chunks or the rest of the batch.
 */
class PlanTest {
  private static final int TOKENS = 23;
  private static final int POSITIONS = 600;

  @ParameterizedTest
  @MethodSource(PlanFixtures.SEEDS)
  @Tag("long")
  void equalBitsOnEveryExecutor(long seed) {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = PlanFixtures.withAllOutputs(PlanFixtures.transformer(seed, arena));
      Limits limits = PlanFixtures.limits(TOKENS, POSITIONS);
      List<List<Token>> steps = PlanFixtures.steps(seed, TOKENS, 30, 5, 13);
      List<Map<String, int[]>> expected;
      try (JavaExecutor scalar = JavaExecutor.scalar(1)) {
        expected = PlanFixtures.run(scalar, plan, limits, steps);
      }
      for (int workers : new int[] {1, 3}) {
        try (JavaExecutor vector = JavaExecutor.vector(workers)) {
          assertSame(plan, expected, PlanFixtures.run(vector, plan, limits, steps));
        }
      }
      try (JavaExecutor scalar = JavaExecutor.scalar(3)) {
        assertSame(plan, expected, PlanFixtures.run(scalar, plan, limits, steps));
      }
    }
  }

  @ParameterizedTest
  @MethodSource(PlanFixtures.SEEDS)
  @Tag("long")
  void equalBitsOnEveryInstructionSet(long seed) {
    try (Arena arena = Arena.ofShared();
        JavaExecutor vector = JavaExecutor.vector(1)) {
      Plan plan = PlanFixtures.withAllOutputs(PlanFixtures.transformer(seed, arena));
      Limits limits = PlanFixtures.limits(TOKENS, POSITIONS);
      List<List<Token>> steps = PlanFixtures.steps(seed, TOKENS, 300, 40, 8);
      List<Map<String, int[]>> expected = PlanFixtures.run(vector, plan, limits, steps);
      for (Isa isa : PlanFixtures.instructionSets()) {
        try (NativeExecutor executor = NativeExecutor.create(isa, 2)) {
          assertSame(plan, expected, PlanFixtures.run(executor, plan, limits, steps));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource(PlanFixtures.SEEDS)
  void schedules_keepBits(long seed) {
    try (Arena arena = Arena.ofShared();
        NativeExecutor executor = NativeExecutor.create(Isa.pick(), 3)) {
      Plan plan = PlanFixtures.transformer(seed, arena);
      Limits limits = PlanFixtures.limits(TOKENS, POSITIONS);
      List<List<Token>> steps = new ArrayList<>(PlanFixtures.steps(seed, TOKENS, 40, 40));
      PlanFixtures.steps(seed, 1, 5, 3).forEach(step -> steps.add(later(step)));
      assertSame(
          plan,
          PlanFixtures.run(PlanTest::prepare, executor, plan, limits, steps),
          PlanFixtures.run(executor, plan, limits, steps));
    }
  }

  /** Returns single tokens after those of the other steps, which replicate results. */
  private static List<Token> later(List<Token> step) {
    return step.stream()
        .map(t -> new Token(t.sequence(), t.position() + 40, t.token(), t.wantsLogits()))
        .toList();
  }

  private static ExecutablePlan prepare(
      Executor executor, Plan plan, Limits limits, KvCache cache) {
    return ((NativeExecutor) executor).prepare(plan, Schedule.plain(plan), limits, cache);
  }

  @ParameterizedTest
  @ValueSource(longs = {21, 22, 23})
  void memoryReuse_keepsBits(long seed) {
    try (Arena arena = Arena.ofShared();
        JavaExecutor scalar = JavaExecutor.scalar(2)) {
      Plan plan = PlanFixtures.transformer(seed, arena);
      Limits limits = PlanFixtures.limits(TOKENS, POSITIONS);
      List<List<Token>> steps = PlanFixtures.steps(seed, TOKENS, 40, 17);
      assertSame(
          plan,
          PlanFixtures.run(scalar, PlanFixtures.withAllOutputs(plan), limits, steps),
          PlanFixtures.run(scalar, plan, limits, steps));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {31, 32, 33})
  @Tag("long")
  void bitsIndependentOfChunksAndBatch(long seed) {
    try (Arena arena = Arena.ofShared();
        NativeExecutor executor = NativeExecutor.create(Isa.pick(), 2)) {
      Plan plan = PlanFixtures.transformer(seed, arena);
      Limits limits = PlanFixtures.limits(TOKENS, POSITIONS);
      List<List<Token>> together = PlanFixtures.steps(seed, TOKENS, 530, 61, 9, 258);
      Map<Token, int[]> rows = rows(together, PlanFixtures.run(executor, plan, limits, together));
      assertEquals(530 + 61 + 9 + 258, rows.size());
      for (int sequence = 0; sequence < 4; sequence++) {
        int s = sequence;
        List<List<Token>> alone =
            together.stream()
                .flatMap(List::stream)
                .filter(token -> token.sequence() == s)
                .map(List::of)
                .toList();
        Map<Token, int[]> expected = rows(alone, PlanFixtures.run(executor, plan, limits, alone));
        expected.forEach((token, row) -> assertArrayEquals(row, rows.get(token), token.toString()));
      }
    }
  }

  @Test
  void fixturesCoverAllOperations() {
    try (Arena arena = Arena.ofShared()) {
      Map<String, Integer> kinds = new HashMap<>();
      for (long seed = 1; seed <= 12; seed++) {
        PlanFixtures.transformer(seed, arena)
            .ops()
            .forEach(op -> kinds.merge(op.getClass().getSimpleName(), 1, Integer::sum));
      }
      assertEquals(19, kinds.size(), kinds.toString());
      assertTrue(kinds.values().stream().allMatch(count -> count > 0));
    }
  }

  /** Returns the bits of {@code tap} for each token. */
  private static Map<Token, int[]> rows(List<List<Token>> steps, List<Map<String, int[]>> results) {
    Map<Token, int[]> rows = new HashMap<>();
    for (int i = 0; i < steps.size(); i++) {
      List<Token> step = steps.get(i);
      int[] bits = Objects.requireNonNull(results.get(i).get("tap"));
      int width = bits.length / step.size();
      for (int row = 0; row < step.size(); row++) {
        int[] own = Arrays.copyOfRange(bits, row * width, (row + 1) * width);
        rows.put(step.get(row), own);
      }
    }
    return rows;
  }

  /** Reports the first output that differs: its operation is at fault. */
  private static void assertSame(
      Plan plan, List<Map<String, int[]>> expected, List<Map<String, int[]>> actual) {
    assertEquals(expected.size(), actual.size());
    for (int step = 0; step < expected.size(); step++) {
      for (String name : PlanFixtures.outputNames(plan)) {
        for (int bits : Objects.requireNonNull(expected.get(step).get(name))) {
          assertTrue(Float.isFinite(Float.intBitsToFloat(bits)), name);
        }
        assertArrayEquals(
            expected.get(step).get(name), actual.get(step).get(name), "step " + step + " " + name);
      }
    }
  }
}
