package dev.vidrio.fuzz.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs a few random plans, and checks that differences are found and made smaller. */
@Tag("long")
class PlanFuzzerTest {
  private static final int PLANS = 24;

  /** Searched for once, which takes longest. */
  private static final Examples EXAMPLES = new Examples(1);

  @Test
  void randomPlansHaveEqualBits() {
    var fuzzer = new PlanFuzzer(EXAMPLES);
    try (var differential = new Differential()) {
      for (int seed = 0; seed < PLANS; seed++) {
        fuzzer.run(seed, differential);
      }
    }
    assertEquals(List.of(), fuzzer.findings());
  }

  @Test
  void findsExamplesOfEveryOperation() {
    for (Class<? extends Op> each : EXAMPLES.classes()) {
      assertFalse(EXAMPLES.of(each, 0).isEmpty(), each.getName());
    }
  }

  @Test
  void changedBit_isReported_unlessItDependsOnInfinity() {
    var x = new Buffer("x", Rows.TOKENS, 2);
    var y = new Buffer("y", Rows.TOKENS, 2);
    List<Op> ops = new ArrayList<>(Sources.of(x, Examples.LIMITS, 0));
    ops.add(new Op.Scale(x, 2, y));
    Plan plan = new Plan(ops, EXAMPLES.shape(0), Set.of(x, y));
    int one = Float.floatToRawIntBits(1);
    int infinity = Float.floatToRawIntBits(Float.POSITIVE_INFINITY);
    Map<Buffer, int[]> finite = Map.of(x, new int[] {one, one}, y, new int[] {one, one});
    Map<Buffer, int[]> changed = new HashMap<>(finite);
    changed.put(y, new int[] {one, one + 1});
    assertNull(new Comparison(plan, results(finite)).difference(results(finite)));
    assertNotNull(new Comparison(plan, results(finite)).difference(results(changed)));
    Map<Buffer, int[]> infinite = Map.of(x, new int[] {one, infinity}, y, new int[] {one, one});
    assertNull(new Comparison(plan, results(infinite)).difference(results(changed)));
  }

  private static CaseRunner.Results results(Map<Buffer, int[]> outputs) {
    return new CaseRunner.Results(List.of(outputs), List.of(), List.of());
  }

  @Test
  void casesFollowFromTheirSeeds() {
    var generator = new CaseGenerator(EXAMPLES);
    var random = new SplittableRandom(7);
    for (int i = 0; i < 5; i++) {
      long seed = random.nextLong() & ~7L;
      try (Arena arena = Arena.ofConfined()) {
        PlanCase one = generator.generate(seed, false, arena);
        PlanCase other = generator.generate(seed, false, arena);
        assertEquals(described(one), described(other));
      }
    }
  }

  private static String described(PlanCase example) {
    var setup = new Setup(Executors.REFERENCE, 1, false, 1, Layouts.DRAWN, -1);
    return Description.of(new Differential.Finding(example, setup, ""));
  }
}
