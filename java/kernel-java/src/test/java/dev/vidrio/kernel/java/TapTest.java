package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.java.scalar.HookKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
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

/** Taps copy every activation and change none. */
class TapTest {
  private static final int SEQUENCES = PlanRuns.SEQUENCES;
  private static final int POSITIONS = PlanRuns.POSITIONS;

  @ParameterizedTest
  @MethodSource(PlanFixtures.SEEDS)
  @Tag("long")
  void capturesEveryActivationUnchanged(long seed) {
    try (Arena arena = Arena.ofShared();
        JavaExecutor scalar = JavaExecutor.scalar(1)) {
      Plan plan = PlanFixtures.transformer(seed, arena);
      Plan all = PlanFixtures.withAllOutputs(plan);
      List<List<Token>> steps = PlanRuns.steps(seed);
      List<Map<Buffer, int[]>> expected = PlanRuns.run(scalar, all, KvType.F32, steps, i -> {});
      for (Executor executor : PlanRuns.executors()) {
        try (executor) {
          Map<Buffer, TapTarget> targets = targets(all.outputs(), executor, arena);
          List<Map<Buffer, int[]>> actual =
              PlanRuns.run(executor, tapped(plan, targets), KvType.F32, steps, i -> {});
          for (int step = 0; step < steps.size(); step++) {
            assertSame(executor, steps.get(step), expected.get(step), actual.get(step), targets);
          }
        }
      }
    }
  }

  private static Map<Buffer, TapTarget> targets(
      Set<Buffer> buffers, Executor executor, Arena arena) {
    Map<Buffer, TapTarget> targets = new HashMap<>();
    for (Buffer x : buffers) {
      long rows = (long) SEQUENCES * POSITIONS;
      var data = executor.allocate(TapTarget.bytes(TapType.F32, x.width(), rows), arena);
      var target = new TapTarget(TapType.F32, x.width(), rows, SEQUENCES, data, arena);
      target.positions(0, POSITIONS);
      for (int s = 0; s < SEQUENCES; s++) {
        target.sequence(s, (long) s * POSITIONS);
      }
      targets.put(x, target);
    }
    return targets;
  }

  /**
   * Returns the plan with a tap of each activation, before its first reader or after its writer.
   */
  private static Plan tapped(Plan plan, Map<Buffer, TapTarget> targets) {
    Set<Operand> read = new HashSet<>();
    plan.ops().forEach(op -> read.addAll(op.reads()));
    Set<Operand> done = new HashSet<>();
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      addTaps(ops, op.reads().stream().filter(done::add).toList(), targets);
      ops.add(op);
      addTaps(ops, op.writes().stream().filter(y -> !read.contains(y)).toList(), targets);
    }
    return new Plan(ops, plan.kv(), plan.outputs());
  }

  private static void addTaps(
      List<Op> ops, List<Operand> operands, Map<Buffer, TapTarget> targets) {
    for (Operand operand : operands) {
      if (operand instanceof Buffer x && targets.containsKey(x)) {
        ops.add(new HookOp.Tap(x, Objects.requireNonNull(targets.get(x))));
      }
    }
  }

  private static void assertSame(
      Executor executor,
      List<Token> step,
      Map<Buffer, int[]> expected,
      Map<Buffer, int[]> actual,
      Map<Buffer, TapTarget> targets) {
    actual.forEach(
        (y, rows) -> assertArrayEquals(expected.get(y), rows, executor.name() + " " + y.name()));
    targets.forEach(
        (x, target) -> {
          int[] rows = Objects.requireNonNull(expected.get(x));
          int i = 0;
          for (Token token : step) {
            if (x.rows() == Rows.TOKENS || token.wantsLogits()) {
              long row = (long) token.sequence() * POSITIONS + token.position();
              assertArrayEquals(
                  Arrays.copyOfRange(rows, i * x.width(), ++i * x.width()),
                  PlanRuns.bits(target.data(), row, 1, x.width()),
                  () -> executor.name() + " taps " + x.name() + " at " + token);
            }
          }
        });
  }

  @Test
  void closedTarget_throws() {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = PlanFixtures.transformer(1, arena);
      Batch batch = new Batch(PlanRuns.LIMITS, arena);
      PlanRuns.fill(batch, List.of(new Token(0, 0, 1, true)));
      for (Executor executor : PlanRuns.executors()) {
        try (executor) {
          var cache = new KvCache(executor, plan.kv(), SEQUENCES, arena);
          Arena shorter = Arena.ofShared();
          Plan tapped = tapped(plan, targets(Set.of(plan.buffer("tap")), executor, shorter));
          try (ExecutablePlan executable = executor.prepare(tapped, PlanRuns.LIMITS, cache)) {
            executable.run(batch);
            shorter.close();
            assertThrows(IllegalStateException.class, () -> executable.run(batch));
          }
        }
      }
    }
  }

  /** An f16 or bf16 is rounded to nearest if none of its neighbors is closer. */
  @ParameterizedTest
  @EnumSource(
      value = TapType.class,
      names = {"F16", "BF16"})
  void roundsElementsToNearest(TapType type) {
    int width = 4001;
    Random random = new Random(5);
    try (Arena arena = Arena.ofConfined();
        JavaExecutor scalar = JavaExecutor.scalar(1)) {
      MemorySegment x =
          Segments.floats(
              arena, width, () -> Math.scalb(random.nextGaussian(), random.nextInt(-26, 12)));
      var data = scalar.allocate(TapTarget.bytes(type, width, 1), arena);
      var target = new TapTarget(type, width, 1, 1, data, arena);
      target.positions(0, 1);
      target.sequence(0, 0);
      Batch batch = new Batch(PlanRuns.LIMITS, arena);
      batch.addSequence(new int[] {0}, 1);
      batch.add(0, 0, 0, true);
      var op = new HookOp.Tap(new Buffer("x", Rows.TOKENS, width), target);
      HookKernels.tap(op, batch, x, 0);
      for (int i = 0; i < width; i++) {
        double exact = x.getAtIndex(JAVA_FLOAT, i);
        short bits = target.data().getAtIndex(JAVA_SHORT, i);
        double error = Math.abs(value(type, bits) - exact);
        for (int neighbor = bits - 1; neighbor <= bits + 1; neighbor += 2) {
          double other = Math.abs(value(type, (short) neighbor) - exact);
          assertFalse(other < error || (other == error && bits % 2 != 0), type + " of " + exact);
        }
      }
    }
  }

  private static double value(TapType type, short bits) {
    return type == TapType.F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }
}
