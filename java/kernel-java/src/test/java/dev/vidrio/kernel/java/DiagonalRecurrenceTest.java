package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A recurrence of independent elements in a plan, and its gradient. Sequences share steps. */
class DiagonalRecurrenceTest {
  private static final int D = 5;
  private static final int[] LENGTHS = {17, 3};
  private static final int ROWS = LENGTHS[0] + LENGTHS[1];

  private final Random random = new Random(6);
  private final Arena arena = Arena.ofAuto();

  private Weights weights(int n, int k) {
    double size = 1 / Math.sqrt(k);
    MemorySegment data = Segments.floats(arena, (long) n * k, () -> random.nextGaussian() * size);
    return new Weights("w", WeightType.F32, Weights.Layout.ROWS, n, k, data);
  }

  /**
   * Returns a plan from embeddings x to states h. All inputs of the recurrence are computed from x.
   *
   * @param width of the states that the cache has
   */
  private Plan plan(Weights embeddings, int width) {
    var builder = new PlanBuilder(new KvShape(1, new KvShape.Diagonal(width, 4)));
    Buffer x = builder.embed("x", embeddings);
    Buffer pre = builder.matMul("pre", weights(D, D), x);
    Buffer step = builder.activation("step", Op.ActivationKind.SOFTPLUS, pre);
    Buffer decay = builder.scale("decay", -1, step);
    Buffer gate = builder.activation("gate", Op.ActivationKind.DECAY_COMPLEMENT, decay);
    Buffer value = builder.matMul("value", weights(D, D), x);
    builder.output(builder.diagonalRecurrence("h", 0, decay, gate, value));
    return builder.build();
  }

  @Test
  void equalBitsOnEveryExecutor() {
    Plan plan = plan(weights(RandomTransformer.VOCABULARY, D), D);
    PlanRuns.assertSameBits(plan, KvType.F32, PlanRuns.steps(3), step -> {});
  }

  @Test
  void rejectsStatesOfAnotherWidth() {
    Weights embeddings = weights(ROWS, D);
    assertThrows(IllegalArgumentException.class, () -> plan(embeddings, D + 1));
  }

  @Test
  @Tag("long")
  void gradientEqualsFiniteDifferences() {
    Weights embeddings = weights(ROWS, D);
    Plan forward = plan(embeddings, D);
    MemorySegment seed = Segments.floats(arena, (long) ROWS * D, random::nextGaussian);
    Buffer h = forward.buffer("h");
    Buffer x = forward.buffer("x");
    Gradient gradient =
        new Differentiation(Map.of(h, seed), Set.of(x), GradientRules.EXACT).differentiate(forward);
    try (NativeExecutor executor = NativeExecutor.create()) {
      float[] dx = run(executor, gradient.plan(), gradient.of(x));
      for (int i = 0; i < ROWS * D; i++) {
        double difference = difference(executor, forward, h, embeddings.data(), seed, i);
        // 100 products of about 1, each with an error of about 2⁻²³, over a step of 2⁻⁷.
        assertEquals(difference, dx[i], 1e-3, "element " + i);
      }
    }
  }

  /** Returns the Richardson extrapolation of differences with steps h and h/2. */
  private static double difference(
      Executor executor, Plan forward, Buffer y, MemorySegment x, MemorySegment seed, int i) {
    float value = x.getAtIndex(JAVA_FLOAT, i);
    var slopes = new double[2];
    for (int half = 0; half < 2; half++) {
      float step = half == 0 ? 0x1p-7f : 0x1p-8f;
      x.setAtIndex(JAVA_FLOAT, i, value + step);
      double up = total(run(executor, forward, y), seed);
      x.setAtIndex(JAVA_FLOAT, i, value - step);
      slopes[half] = (up - total(run(executor, forward, y), seed)) / (2 * step);
    }
    x.setAtIndex(JAVA_FLOAT, i, value);
    return (4 * slopes[1] - slopes[0]) / 3;
  }

  private static double total(float[] y, MemorySegment seed) {
    double sum = 0;
    for (int i = 0; i < y.length; i++) {
      sum += (double) y[i] * seed.getAtIndex(JAVA_FLOAT, i);
    }
    return sum;
  }

  private static float[] run(Executor executor, Plan plan, Buffer output) {
    var limits = new Limits(ROWS, 1, LENGTHS.length, 64, ROWS);
    try (Arena memory = Arena.ofShared()) {
      var cache = new KvCache(executor, plan.kv(), LENGTHS.length, memory);
      var batch = new Batch(limits, memory);
      try (ExecutablePlan executable = executor.prepare(plan, limits, cache)) {
        int token = 0;
        for (int s = 0; s < LENGTHS.length; s++) {
          int sequence = batch.addSequence(new int[] {s}, 1, s);
          for (int p = 0; p < LENGTHS[s]; p++) {
            batch.add(token++, p, sequence, false);
          }
        }
        executable.run(batch);
        return executable.data(output).asSlice(0, 4L * ROWS * D).toArray(JAVA_FLOAT);
      }
    }
  }
}
