package dev.vidrio.kernel.java;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.execution.RotationTable;
import dev.vidrio.kernel.execution.Schedule;
import dev.vidrio.kernel.execution.Workspace;
import dev.vidrio.kernel.java.runtime.Rope;
import dev.vidrio.kernel.java.scalar.ScalarKernels;
import dev.vidrio.kernel.java.vector.VectorKernels;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RopeTest {
  private static final int HEADS = 3;
  private static final int TOKENS = 4;

  private final Random random = new Random(13);

  @ParameterizedTest
  @EnumSource(Rotation.Pairs.class)
  void rope(Rotation.Pairs pairs) {
    for (int dH : new int[] {2, 6, 16, 34, 64, 128}) {
      for (int width = 2; width <= dH; width += dH / 2) {
        check(pairs, dH, width / 2);
      }
    }
  }

  private void check(Rotation.Pairs pairs, int dH, int count) {
    Rotation rotation =
        new Rotation(
            pairs, DoubleStream.iterate(1, f -> f * 0.9).limit(count).boxed().toList(), 1.25);
    Limits limits = new Limits(TOKENS, 1, 1, 600, 5);
    try (Arena arena = Arena.ofConfined();
        JavaExecutor executor = JavaExecutor.scalar(1)) {
      PlanBuilder builder = new PlanBuilder(new KvShape(1, HEADS, dH));
      Buffer in = builder.embed("x", Segments.matrix(arena, WeightType.F32, 5, HEADS * dH, random));
      builder.rope("y", rotation, dH, in);
      Plan plan = builder.build();
      Workspace workspace = new Workspace(plan, Schedule.plain(plan), limits, executor, arena);
      Batch batch = new Batch(limits, arena);
      batch.addSequence(new int[1], 1);
      for (int position : new int[] {0, 1, 300, 599}) {
        batch.add(0, position, 0, false);
      }
      workspace.ensurePositions(batch);
      RotationTable table = workspace.table(rotation);
      SequenceOp.Rope op = (SequenceOp.Rope) plan.ops().get(1);
      int heads = TOKENS * HEADS;
      MemorySegment x = Segments.floats(arena, (long) heads * dH, random::nextGaussian);
      MemorySegment expected = Segments.floats(arena, (long) heads * dH);
      var scalar = new ScalarKernels();
      for (int head = 0; head < heads; head++) {
        scalar.rope(new Rope(op, table, x, expected), batch, head);
      }
      assertNear(rotation, dH, batch, x, expected);
      MemorySegment actual = Segments.floats(arena, (long) heads * dH);
      ScalarKernels vector = new VectorKernels();
      for (int head = 0; head < heads; head++) {
        vector.rope(new Rope(op, table, x, actual), batch, head);
      }
      Segments.assertSameBits(expected, actual, pairs + " " + dH + " " + count);
    }
  }

  /**
   * Sine, cosine, product and fma round: at most 4 roundings of |x₀| + |x₁|, times the magnitude.
   */
  private static void assertNear(
      Rotation rotation, int dH, Batch batch, MemorySegment x, MemorySegment y) {
    int count = rotation.frequencies().size();
    boolean interleaved = rotation.pairs() == Rotation.Pairs.INTERLEAVED;
    for (int head = 0; head < TOKENS * HEADS; head++) {
      long at = (long) head * dH;
      for (int j = 0; j < count; j++) {
        long i0 = at + (interleaved ? 2 * j : j);
        long i1 = interleaved ? i0 + 1 : i0 + count;
        double x0 = x.getAtIndex(JAVA_FLOAT, i0);
        double x1 = x.getAtIndex(JAVA_FLOAT, i1);
        double angle = batch.position(head / HEADS) * rotation.frequencies().get(j);
        double cos = rotation.magnitude() * Math.cos(angle);
        double sin = rotation.magnitude() * Math.sin(angle);
        double bound = 4 * 0x1p-24 * rotation.magnitude() * (Math.abs(x0) + Math.abs(x1));
        assertTrue(Math.abs(y.getAtIndex(JAVA_FLOAT, i0) - (x0 * cos - x1 * sin)) <= bound);
        assertTrue(Math.abs(y.getAtIndex(JAVA_FLOAT, i1) - (x0 * sin + x1 * cos)) <= bound);
      }
      for (long i = at + rotation.width(); i < at + dH; i++) {
        assertEquals(x.getAtIndex(JAVA_FLOAT, i), y.getAtIndex(JAVA_FLOAT, i));
      }
    }
  }
}
