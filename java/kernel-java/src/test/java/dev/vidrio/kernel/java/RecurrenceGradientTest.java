package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.pass.Differentiation;
import dev.vidrio.kernel.pass.Gradient;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The gradient of linear attention with respect to the embeddings from which all its inputs are
 * computed, against finite differences. Two sequences run in one step.
 */
class RecurrenceGradientTest {
  private static final int D = 6;
  private static final int[] LENGTHS = {21, 3};
  private static final int ROWS = LENGTHS[0] + LENGTHS[1];
  private static final KvShape.Recurrent SHAPE = new KvShape.Recurrent(2, 4, 3, 5, 2);

  private final Random random = new Random(5);
  private final Arena arena = Arena.ofAuto();
  private final Weights embeddings = weights(ROWS, D);
  private final MemorySegment seed = Segments.floats(arena, ROWS * 20L, random::nextGaussian);

  private Weights weights(int n, int k) {
    double size = 1 / Math.sqrt(k);
    MemorySegment data = Segments.floats(arena, (long) n * k, () -> random.nextGaussian() * size);
    return new Weights("w", WeightType.F32, Weights.Layout.ROWS, n, k, data);
  }

  private Plan plan(SequenceOp.Update update, SequenceOp.Grouping grouping) {
    var builder = new PlanBuilder(new KvShape(1, SHAPE));
    Buffer x = builder.embed("x", embeddings);
    Map<SequenceOp.Part, Buffer> made = new EnumMap<>(SequenceOp.Part.class);
    for (SequenceOp.Part part : SequenceOp.Part.values()) {
      int width = SHAPE.width(part);
      Buffer pre = builder.matMul("pre" + part, weights(width, D), x);
      Buffer y = builder.conv("conv" + part, 0, part, weights(SHAPE.taps(), width), pre);
      made.put(part, part == SequenceOp.Part.VALUE ? y : unit(builder, "unit" + part, y));
    }
    Weights a = weights(1, SHAPE.heads());
    for (int i = 0; i < SHAPE.heads(); i++) {
      a.data().setAtIndex(JAVA_FLOAT, i, -0.2f * (i + 1));
    }
    Buffer step = positive(builder, "step", x);
    Buffer beta = positive(builder, "beta", x);
    builder.output(
        builder.recurrence(
            "z",
            0,
            update,
            grouping,
            a,
            update == SequenceOp.Update.SUM ? weights(1, SHAPE.heads()) : null,
            new SequenceOp.Recurrence.Inputs<>(
                Objects.requireNonNull(made.get(SequenceOp.Part.QUERY)),
                Objects.requireNonNull(made.get(SequenceOp.Part.KEY)),
                Objects.requireNonNull(made.get(SequenceOp.Part.VALUE)),
                step,
                beta)));
    return builder.build();
  }

  /** Normalizes heads to length 1. */
  private static Buffer unit(PlanBuilder builder, String name, Buffer x) {
    Buffer y = builder.headNorm(name + ".norm", Op.NormKind.RMS, SHAPE.dK(), x, 1e-5f, null);
    return builder.scale(name, (float) (1 / Math.sqrt(SHAPE.dK())), y);
  }

  /** Computes a smooth function of x with values between 0 and 1. */
  private Buffer positive(PlanBuilder builder, String name, Buffer x) {
    Buffer y = builder.matMul(name + ".pre", weights(SHAPE.heads(), D), x);
    Buffer bounded = builder.activation(name + ".tanh", Op.ActivationKind.TANH, y);
    return builder.multiply(name, bounded, bounded);
  }

  @ParameterizedTest
  @EnumSource
  @Tag("long")
  void gradientEqualsFiniteDifferences(SequenceOp.Update update) {
    for (SequenceOp.Grouping grouping : SequenceOp.Grouping.values()) {
      Plan forward = plan(update, grouping);
      Buffer z = forward.buffer("z");
      Buffer x = forward.buffer("x");
      Gradient gradient =
          new Differentiation(Map.of(z, seed), Set.of(x), GradientRules.EXACT)
              .differentiate(forward);
      try (NativeExecutor executor = NativeExecutor.create()) {
        float[] dx = run(executor, gradient.plan(), gradient.of(x));
        for (int i = 0; i < ROWS * D; i++) {
          // 480 products of about 1, each with an error of about 2⁻²³, over a step of 2⁻⁷.
          assertEquals(difference(executor, forward, z, i), dx[i], 2e-3, update + " " + i);
        }
      }
    }
  }

  /** Returns the Richardson extrapolation of differences with steps h and h/2. */
  private double difference(Executor executor, Plan forward, Buffer z, int i) {
    float x = embeddings.data().getAtIndex(JAVA_FLOAT, i);
    var slopes = new double[2];
    for (int half = 0; half < 2; half++) {
      float h = half == 0 ? 0x1p-7f : 0x1p-8f;
      embeddings.data().setAtIndex(JAVA_FLOAT, i, x + h);
      double up = total(run(executor, forward, z));
      embeddings.data().setAtIndex(JAVA_FLOAT, i, x - h);
      slopes[half] = (up - total(run(executor, forward, z))) / (2 * h);
    }
    embeddings.data().setAtIndex(JAVA_FLOAT, i, x);
    return (4 * slopes[1] - slopes[0]) / 3;
  }

  private double total(float[] z) {
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      sum += (double) z[i] * seed.getAtIndex(JAVA_FLOAT, i);
    }
    return sum;
  }

  private static float[] run(Executor executor, Plan plan, Buffer output) {
    var limits = new Limits(ROWS, 1, LENGTHS.length, 64, ROWS);
    try (Arena arena = Arena.ofShared()) {
      var cache = new KvCache(executor, plan.kv(), LENGTHS.length, arena);
      var batch = new Batch(limits, arena);
      try (ExecutablePlan executable = executor.prepare(plan, limits, cache)) {
        int token = 0;
        for (int s = 0; s < LENGTHS.length; s++) {
          int sequence = batch.addSequence(new int[] {s}, 1, s);
          for (int p = 0; p < LENGTHS[s]; p++) {
            batch.add(token++, p, sequence, false);
          }
        }
        executable.run(batch);
        return executable.data(output).asSlice(0, 4L * ROWS * output.width()).toArray(JAVA_FLOAT);
      }
    }
  }
}
