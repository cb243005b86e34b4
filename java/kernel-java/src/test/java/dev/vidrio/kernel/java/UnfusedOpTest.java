package dev.vidrio.kernel.java;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import dev.vidrio.kernel.op.Window;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Unfused attention and norms: equal bits on every executor, and equal to the fused operations. */
class UnfusedOpTest {
  private static final KvShape KV = new KvShape(1, 2, 32);

  /** Values are elements of keys. */
  private static final KvShape SHARED = new KvShape(List.of(new KvShape.KeyValue(2, 32, 32, true)));

  private static final int HEADS = 6;
  private static final int D = 96;
  private static final int P = PlanRuns.POSITIONS;

  private static Buffer buffer(String name, int width) {
    return new Buffer(name, Rows.TOKENS, width);
  }

  /** Returns a plan of a norm, products and attention, and of their unfused versions. */
  private static Plan plan(Random random, Arena arena, Window window, float cap, boolean vectors) {
    return plan(KV, random, arena, window, cap, vectors);
  }

  private static Plan plan(
      KvShape cache, Random random, Arena arena, Window window, float cap, boolean vectors) {
    var b = new PlanBuilder(cache);
    Weights table = Segments.matrix(arena, WeightType.F32, PlanRuns.LIMITS.vocabulary(), D, random);
    Buffer x = b.embed("x", table);
    Weights gain = Segments.vector(arena, D, random);
    Weights bias = vectors ? Segments.vector(arena, D, random) : null;
    Buffer normed = b.norm("normed", Op.NormKind.LAYER, x, 1e-5f, gain, bias);
    Weights wq = matrix(arena, HEADS * KV.keyValue(0).dH(), random);
    Buffer q = b.matMul("q", wq, normed);
    Buffer v = b.matMul("v", matrix(arena, KV.keyValue(0).width(), random), normed);
    b.kvStore(0, b.matMul("k", matrix(arena, KV.keyValue(0).width(), random), normed), v);
    List<Op> ops = new ArrayList<>(b.build().ops());
    Weights sinks = vectors ? Segments.vector(arena, HEADS, random) : null;
    PositionBias scoreBias = null;
    if (vectors && cap > 0) {
      scoreBias = new PositionBias.Table(Segments.matrix(arena, WeightType.F32, HEADS, 5, random));
    } else if (vectors) {
      scoreBias = new PositionBias.Linear(Segments.vector(arena, HEADS, random));
    }
    Buffer z = buffer("z", q.width());
    var attention = new SequenceOp.Attention(0, HEADS, 0.2f, window, cap, sinks, scoreBias, q, z);
    Buffer scores = buffer("scores", HEADS * P);
    Buffer softmax = buffer("softmax", HEADS * P);
    Buffer pattern = buffer("pattern", HEADS * P);
    Buffer mixed = buffer("mixed", z.width());
    Buffer scale = buffer("scale", 1);
    Buffer bare = buffer("bare", D);
    Buffer again = buffer("again", D);
    Buffer gained = buffer("gained", D);
    Buffer product = buffer("product", q.width());
    var quantized = new QuantizedBuffer("gained.quantized", Rows.TOKENS, D);
    ops.addAll(
        List.of(
            attention,
            new UnfusedOp.Scores(attention, P, scores),
            new UnfusedOp.Softmax(HEADS, window, sinks, scores, softmax),
            new HookOp.Edit(softmax, doubled(), pattern),
            new UnfusedOp.WeightedValues(0, HEADS, window, pattern, softmax, z, mixed),
            new Op.Norm(Op.NormKind.LAYER, 1e-5f, 1, x, null, null, bare, null),
            new Op.Norm(Op.NormKind.LAYER, 1e-5f, 1, x, null, null, buffer("x̂", D), scale),
            new UnfusedOp.Normalize(Op.NormKind.LAYER, x, scale, again),
            new UnfusedOp.Gain(bare, gain, bias, gained),
            new Op.Quantize(gained, quantized),
            new Op.MatMul(wq, quantized, product)));
    return new Plan(
        ops, cache, Set.of(normed, q, v, z, scores, softmax, mixed, bare, again, gained, product));
  }

  /** Returns edits that double the patterns of odd heads. */
  private static EditTable doubled() {
    var table = new EditTable(HEADS * P, HEADS, false);
    for (int h = 1; h < HEADS; h += 2) {
      var head = new EditTable.Region(EditTable.Region.ALL, 0, P, h * P, (h + 1) * P);
      table.add(head, new EditKind.Scale(2));
    }
    return table;
  }

  private static Weights matrix(Arena arena, int n, Random random) {
    return Segments.packed(arena, Segments.matrix(arena, WeightType.Q8_0, n, D, random));
  }

  @ParameterizedTest
  @CsvSource({
    "1, F32, 0, SLIDING, 0, false",
    "2, F16, 20, SLIDING, 0, true",
    "3, BF16, 0, SLIDING, 4, true",
    "4, Q8_0, 0, SLIDING, 0, false",
    "5, Q8_0, 7, SLIDING, 2, true",
    "6, F32, 16, SLIDING, 0, true",
    "7, F32, 7, ALIGNED, 0, true",
    "8, Q8_0, 16, ALIGNED, 2, false",
    "9, F32, 0, CENTERED, 0, true",
    "10, F16, 9, CENTERED, 2, false",
    "15, Q4_0, 0, SLIDING, 0, true",
    "16, Q4_0, 7, SLIDING, 2, false"
  })
  @Tag("long")
  void equalBitsOnEveryExecutor(
      long seed, KvType type, int window, Window.Shape shape, float cap, boolean vectors) {
    try (Arena arena = Arena.ofShared()) {
      for (KvShape cache : List.of(KV, SHARED)) {
        Plan plan = plan(cache, new Random(seed), arena, new Window(window, shape), cap, vectors);
        PlanRuns.assertSameBits(plan, type, PlanRuns.steps(seed), i -> {})
            .forEach(step -> assertGain(plan, step));
      }
    }
  }

  /** Asserts that a norm without gain, or with given divisors, plus a gain equals the norm. */
  private static void assertGain(Plan plan, Map<Buffer, int[]> step) {
    assertArrayEquals(step.get(plan.buffer("normed")), step.get(plan.buffer("gained")));
    assertArrayEquals(step.get(plan.buffer("bare")), step.get(plan.buffer("again")));
    assertArrayEquals(step.get(plan.buffer("q")), step.get(plan.buffer("product")));
  }

  /**
   * If the pattern is doubled, z is twice that of attention, within the tolerance of
   * docs/numerics.md; otherwise z equals that of attention bit for bit.
   */
  @ParameterizedTest
  @CsvSource({
    "11, 0, SLIDING, 0, false",
    "12, 20, SLIDING, 0, true",
    "13, 0, SLIDING, 4, true",
    "14, 20, ALIGNED, 0, true"
  })
  void weightedValues_editedPattern(
      long seed, int window, Window.Shape shape, float cap, boolean vectors) {
    try (Arena arena = Arena.ofShared();
        JavaExecutor vector = JavaExecutor.vector(2)) {
      Plan plan = plan(new Random(seed), arena, new Window(window, shape), cap, vectors);
      List<List<Token>> steps = PlanRuns.steps(seed);
      float[][][] values = new float[PlanRuns.SEQUENCES][P][];
      List<Map<Buffer, int[]>> results = PlanRuns.run(vector, plan, KvType.F32, steps, i -> {});
      for (int step = 0; step < steps.size(); step++) {
        List<Token> tokens = steps.get(step);
        float[][] v = rows(plan, "v", results.get(step), tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
          values[tokens.get(i).sequence()][tokens.get(i).position()] = v[i];
        }
        assertMixes(plan, tokens, results.get(step), values);
      }
    }
  }

  private static void assertMixes(
      Plan plan, List<Token> tokens, Map<Buffer, int[]> results, float[][][] values) {
    float[][] z = rows(plan, "z", results, tokens.size());
    float[][] mixed = rows(plan, "mixed", results, tokens.size());
    float[][] scores = rows(plan, "scores", results, tokens.size());
    float[][] pattern = rows(plan, "softmax", results, tokens.size());
    for (int i = 0; i < tokens.size(); i++) {
      float[][] own = values[tokens.get(i).sequence()];
      int count = tokens.get(i).position() + 1;
      for (int j = 0; j < z[i].length; j++) {
        if (j / KV.keyValue(0).dH() % 2 == 0) {
          assertEquals(z[i][j], mixed[i][j]);
          continue;
        }
        double tolerance = tolerance(scores[i], pattern[i], own, j, count);
        double error = Math.abs((double) z[i][j] - mixed[i][j] / 2);
        assertTrue(error <= tolerance, tokens.get(i) + ": " + error + " > " + tolerance);
      }
    }
  }

  /** Returns the tolerance of element j of z, over the first {@code count} positions. */
  private static double tolerance(
      float[] scores, float[] pattern, float[][] values, int j, int count) {
    int head = j / KV.keyValue(0).dH();
    int element =
        head / (HEADS / KV.keyValue(0).heads()) * KV.keyValue(0).dH() + j % KV.keyValue(0).dH();
    double magnitude = 0;
    double largest = 0;
    for (int t = 0; t < count; t++) {
      double v = Math.abs(values[t][element]);
      magnitude += pattern[head * P + t] * v;
      largest = Math.max(largest, v);
    }
    double relative = 0x1p-23 * (1.1 * P + 10 + 12 + 2 * spread(scores, head * P, count));
    return relative * magnitude + P * 0x1p-147 * (1 + largest);
  }

  /** Returns the spread of finite scores and sinks; sink vectors are drawn from the same range. */
  private static double spread(float[] scores, int at, int count) {
    double smallest = -4;
    double max = 4;
    for (int t = at; t < at + count; t++) {
      if (Float.isFinite(scores[t])) {
        smallest = Math.min(smallest, scores[t]);
        max = Math.max(max, scores[t]);
      }
    }
    return max - smallest;
  }

  private static float[][] rows(Plan plan, String name, Map<Buffer, int[]> step, int rows) {
    int[] bits = Objects.requireNonNull(step.get(plan.buffer(name)));
    float[][] values = new float[rows][bits.length / rows];
    for (int i = 0; i < bits.length; i++) {
      values[i / values[0].length][i % values[0].length] = Float.intBitsToFloat(bits[i]);
    }
    return values;
  }

  @Test
  void rejectsPositionsBeyondTheScores() {
    try (Arena arena = Arena.ofShared()) {
      Plan whole = plan(new Random(21), arena, Window.ALL, 0, false);
      Buffer q = whole.buffer("q");
      List<Op> ops = new ArrayList<>(whole.ops());
      ops.add(scores(0, HEADS, q, buffer("fewer", HEADS * 9)));
      Plan plan = new Plan(ops, KV, Set.of());
      Batch batch = new Batch(PlanRuns.LIMITS, arena);
      for (Executor executor : PlanRuns.executors()) {
        try (executor) {
          var cache = new KvCache(executor, KV, PlanRuns.SEQUENCES, arena);
          try (ExecutablePlan executable = executor.prepare(plan, PlanRuns.LIMITS, cache)) {
            PlanRuns.fill(batch, List.of(new Token(0, 8, 1, true)));
            executable.run(batch);
            PlanRuns.fill(batch, List.of(new Token(0, 9, 1, true)));
            Exception e = assertThrows(IllegalArgumentException.class, () -> executable.run(batch));
            assertEquals(
                "position 9: the plan has room for the scores of 9 positions", e.getMessage());
          }
        }
      }
    }
  }

  /** In steps of a few tokens, there is no barrier between a norm without gain and the products. */
  @Test
  void replicatesNormsAndGainsBeforeProducts() {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = plan(new Random(22), arena, Window.ALL, 0, true);
      Schedule schedule = Schedule.fused(plan);
      for (String name : List.of("bare", "gained", "normed")) {
        assertTrue(schedule.isReplicated(plan.buffer(name)), name);
      }
    }
  }

  private static UnfusedOp.Scores scores(int layer, int heads, Buffer q, Buffer y) {
    return new UnfusedOp.Scores(layer, heads, 9, 1, Window.ALL, 0, null, q, y);
  }

  @Test
  void rejectsMismatchedShapes() {
    Buffer q = buffer("q", 64);
    assertRefused(() -> scores(0, 2, q, buffer("y", 19)));
    assertRefused(() -> Window.sliding(-1));
    Buffer eighteen = buffer("x", 18);
    assertRefused(() -> new UnfusedOp.Softmax(4, Window.ALL, null, eighteen, buffer("y", 18)));
    Buffer x = buffer("x", 18);
    assertRefused(() -> new UnfusedOp.WeightedValues(0, 4, Window.ALL, x, x, buffer("a", 64), q));
    assertRefused(
        () ->
            new UnfusedOp.WeightedValues(0, 2, Window.ALL, x, buffer("s", 20), buffer("a", 64), q));
    assertRefused(() -> new UnfusedOp.WeightedValues(0, 2, Window.ALL, x, x, buffer("a", 32), q));
    assertRefused(
        () -> new UnfusedOp.Normalize(Op.NormKind.RMS, q, buffer("scale", 7), buffer("y", 64)));
    try (Arena arena = Arena.ofConfined()) {
      Weights gain = Segments.vector(arena, 24, new Random(1));
      assertRefused(() -> new UnfusedOp.Gain(q, gain, null, buffer("y", 64)));
      var scores = scores(1, 2, q, buffer("y", 18));
      Weights table = Segments.matrix(arena, WeightType.F32, 3, 64, new Random(2));
      var embed = new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, 0, q);
      assertRefused(() -> new Plan(List.of(embed, scores), KV, Set.of()));
    }
  }

  private static void assertRefused(Runnable call) {
    assertThrows(IllegalArgumentException.class, call::run);
  }
}
