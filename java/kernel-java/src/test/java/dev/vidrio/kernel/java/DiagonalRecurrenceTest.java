package dev.vidrio.kernel.java;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A recurrence of independent elements in a plan. */
class DiagonalRecurrenceTest {
  private static final int D = 37;

  private final Random random = new Random(6);

  /** Returns a plan over states of a width, all of its inputs computed from the tokens. */
  private Plan plan(int width, Arena arena) {
    var builder = new PlanBuilder(new KvShape(1, new KvShape.Diagonal(width, 4)));
    Buffer x = embed(builder, "x", arena);
    Buffer decay = builder.scale("decay", -1, positive(builder, "step", arena));
    Buffer gate = builder.activation("gate", Op.ActivationKind.DECAY_COMPLEMENT, decay);
    builder.output(builder.diagonalRecurrence("h", 0, decay, gate, x));
    return builder.build();
  }

  private Buffer positive(PlanBuilder builder, String name, Arena arena) {
    Buffer y = embed(builder, name + ".pre", arena);
    return builder.activation(name, Op.ActivationKind.SOFTPLUS, y);
  }

  private Buffer embed(PlanBuilder builder, String name, Arena arena) {
    int rows = RandomTransformer.VOCABULARY;
    Weights table = Segments.matrix(arena, WeightType.F32, rows, D, random);
    return builder.embed(name, table);
  }

  @Test
  void equalBitsOnEveryExecutor() {
    try (Arena arena = Arena.ofShared()) {
      PlanRuns.assertSameBits(plan(D, arena), KvType.F32, PlanRuns.steps(3), step -> {});
    }
  }

  @Test
  void rejectsStatesOfAnotherWidth() {
    try (Arena arena = Arena.ofShared()) {
      assertThrows(IllegalArgumentException.class, () -> plan(D + 1, arena));
    }
  }
}
