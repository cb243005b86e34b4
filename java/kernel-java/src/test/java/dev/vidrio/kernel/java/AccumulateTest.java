package dev.vidrio.kernel.java;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Statistics on every executor: they equal those of the rows, and change no activation. */
class AccumulateTest {
  /** Sequences 0 and 1 are counted; 2 is not. */
  private static final int SLOTS = 2;

  @ParameterizedTest
  @ValueSource(longs = {1, 5})
  @Tag("long")
  void accumulatesEqualStatisticsOnEveryExecutor(long seed) {
    try (Arena arena = Arena.ofShared();
        JavaExecutor scalar = JavaExecutor.scalar(1)) {
      Plan plan = PlanFixtures.transformer(seed, arena);
      Plan all = PlanFixtures.withAllOutputs(plan);
      List<List<Token>> steps = PlanRuns.steps(seed);
      List<Map<Buffer, int[]>> rows = PlanRuns.run(scalar, all, KvType.F32, steps, i -> {});
      Map<Buffer, List<Column>> expected = new HashMap<>();
      all.outputs().forEach(x -> expected.put(x, columns(x, steps, rows)));
      for (Executor executor : PlanRuns.executors()) {
        try (executor) {
          Map<Buffer, ColumnStatistics> statistics = statistics(all, executor, arena);
          List<Map<Buffer, int[]>> outputs =
              PlanRuns.run(executor, measured(plan, statistics), KvType.F32, steps, i -> {});
          for (int step = 0; step < steps.size(); step++) {
            for (Buffer y : plan.outputs()) {
              assertArrayEquals(rows.get(step).get(y), outputs.get(step).get(y), y.name());
            }
          }
          statistics.forEach((x, s) -> check(executor.name(), x, expected.get(x), s));
        }
      }
    }
  }

  private static Map<Buffer, ColumnStatistics> statistics(
      Plan plan, Executor executor, Arena arena) {
    Map<Buffer, ColumnStatistics> statistics = new HashMap<>();
    for (Buffer x : plan.outputs()) {
      var memory = executor.allocate(ColumnStatistics.bytes(x.width(), SLOTS), arena);
      var s = new ColumnStatistics(x.width(), SLOTS, PlanRuns.SEQUENCES, memory, arena);
      s.sequence(0, 0);
      s.sequence(1, 1);
      statistics.put(x, s);
    }
    return statistics;
  }

  /** Returns the plan with statistics of each activation after it is written. */
  private static Plan measured(Plan plan, Map<Buffer, ColumnStatistics> statistics) {
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      ops.add(op);
      op.writes().stream()
          .filter(statistics::containsKey)
          .map(Buffer.class::cast)
          .forEach(
              x -> ops.add(new HookOp.Accumulate(x, Objects.requireNonNull(statistics.get(x)))));
    }
    return new Plan(ops, plan.kv(), plan.outputs());
  }

  private record Column(double sum, double squares, float min, float max) {}

  /** Returns the statistics of a buffer's columns, slot after slot. */
  private static List<Column> columns(
      Buffer x, List<List<Token>> steps, List<Map<Buffer, int[]>> rows) {
    List<Column> columns = new ArrayList<>();
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int j = 0; j < x.width(); j++) {
        double sum = 0;
        double squares = 0;
        float min = Float.POSITIVE_INFINITY;
        float max = Float.NEGATIVE_INFINITY;
        for (int step = 0; step < steps.size(); step++) {
          int[] bits = Objects.requireNonNull(rows.get(step).get(x));
          int i = 0;
          for (Token token : steps.get(step)) {
            if (x.rows() == Rows.LOGITS && !token.wantsLogits()) {
              continue;
            }
            float value = Float.intBitsToFloat(bits[i++ * x.width() + j]);
            if (token.sequence() == slot) {
              sum += value;
              squares += (double) value * value;
              min = Math.min(min, value);
              max = Math.max(max, value);
            }
          }
        }
        columns.add(new Column(sum, squares, min, max));
      }
    }
    return columns;
  }

  private static void check(
      String executor, Buffer x, @Nullable List<Column> columns, ColumnStatistics actual) {
    Iterator<Column> expected = Objects.requireNonNull(columns).iterator();
    for (int slot = 0; slot < SLOTS; slot++) {
      for (int j = 0; j < x.width(); j++) {
        int column = j;
        Supplier<String> where = () -> executor + " " + x.name() + " column " + column;
        Column c = expected.next();
        assertEquals(c.sum, actual.sum(slot, j), where);
        assertEquals(c.squares, actual.squares(slot, j), where);
        assertEquals(c.min, actual.min(slot, j), 0f, where);
        assertEquals(c.max, actual.max(slot, j), 0f, where);
      }
    }
  }

  @Test
  void closedMemory_throws() {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = PlanFixtures.transformer(1, arena);
      Batch batch = new Batch(PlanRuns.LIMITS, arena);
      PlanRuns.fill(batch, List.of(new Token(0, 0, 1, true)));
      for (Executor executor : PlanRuns.executors()) {
        try (executor) {
          var cache = new KvCache(executor, plan.kv(), PlanRuns.SEQUENCES, arena);
          Arena shorter = Arena.ofShared();
          Plan measured = measured(plan, statistics(plan, executor, shorter));
          try (ExecutablePlan executable = executor.prepare(measured, PlanRuns.LIMITS, cache)) {
            executable.run(batch);
            shorter.close();
            assertThrows(IllegalStateException.class, () -> executable.run(batch));
          }
        }
      }
    }
  }

  @Test
  void rejectsMismatchedShapes() {
    try (Arena arena = Arena.ofConfined();
        JavaExecutor executor = JavaExecutor.scalar(1)) {
      var memory = executor.allocate(ColumnStatistics.bytes(8, 2), arena);
      var statistics = new ColumnStatistics(8, 2, 3, memory, arena);
      assertEquals(8 * 2 * (16 + 8), ColumnStatistics.bytes(8, 2));
      assertEquals(
          ColumnStatistics.bytes(8, 2),
          statistics.sums().byteSize() + statistics.bounds().byteSize());
      Buffer narrow = new Buffer("x", Rows.TOKENS, 7);
      assertThrows(IllegalArgumentException.class, () -> new HookOp.Accumulate(narrow, statistics));
      assertThrows(IllegalArgumentException.class, () -> statistics.sequence(0, 2));
      assertThrows(IndexOutOfBoundsException.class, () -> statistics.sequence(3, 0));
      assertThrows(IndexOutOfBoundsException.class, () -> statistics.sum(0, 8));
      assertThrows(
          IllegalArgumentException.class, () -> new ColumnStatistics(0, 1, 1, memory, arena));
    }
  }
}
