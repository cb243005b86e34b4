package dev.vidrio.kernel.java;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.EditTable.Region;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Edits on every executor, in epilogues and alone, while their tables change. */
class EditTest {
  private static final int D = 96;

  private final EditTable inChain = new EditTable(D, 4, false);
  private final EditTable wholeRows = new EditTable(D, 4, true);
  private final EditTable ofLogits = new EditTable(D, 4, true);

  private static Buffer buffer(String name, Rows rows) {
    return new Buffer(name, rows, D);
  }

  /**
   * Returns a plan of a product, an edit in its epilogue, an edit of whole rows, and one of logit
   * rows.
   */
  private Plan plan(Random random, Arena arena) {
    Buffer x = buffer("x", Rows.TOKENS);
    Buffer product = buffer("product", Rows.TOKENS);
    Buffer edited = buffer("edited", Rows.TOKENS);
    Buffer sum = buffer("sum", Rows.TOKENS);
    Buffer rows = buffer("rows", Rows.TOKENS);
    Buffer chosen = buffer("chosen", Rows.LOGITS);
    Buffer logits = buffer("logits", Rows.LOGITS);
    QuantizedBuffer xq = new QuantizedBuffer("xq", Rows.TOKENS, D);
    var table = Segments.matrix(arena, WeightType.F32, PlanRuns.LIMITS.vocabulary(), D, random);
    var w = Segments.packed(arena, Segments.matrix(arena, WeightType.Q8_0, D, D, random));
    return new Plan(
        List.of(
            new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, 0, x),
            new Op.Quantize(x, xq),
            new Op.MatMul(w, xq, product),
            new HookOp.Edit(product, inChain, edited),
            new Op.Add(x, edited, sum),
            new HookOp.Edit(sum, wholeRows, rows),
            new Op.Gather(rows, chosen),
            new HookOp.Edit(chosen, ofLogits, logits)),
        new KvShape(1, 1, 32),
        Set.of(x, product, edited, sum, rows, chosen, logits));
  }

  /** Fills all tables with other entries for each step. */
  private void fill(int step, Arena arena) {
    Random random = new Random(step);
    for (EditTable table : List.of(inChain, wholeRows, ofLogits)) {
      table.clear();
      for (int i = random.nextInt(table.capacity() + 1); i > 0; i--) {
        int begin = random.nextInt(D);
        int from = random.nextInt(PlanRuns.POSITIONS);
        var region =
            new Region(
                random.nextInt(-1, PlanRuns.SEQUENCES),
                from,
                random.nextInt(from, PlanRuns.POSITIONS) + 1,
                begin,
                random.nextInt(begin, D) + 1);
        table.add(region, edit(region, table.subspaces(), random, arena));
      }
    }
  }

  private static EditKind edit(Region region, boolean subspaces, Random random, Arena arena) {
    int rows = random.nextBoolean() ? 1 : region.to() - region.from();
    MemorySegment values =
        Segments.floats(arena, (long) rows * region.columns(), random::nextGaussian);
    return switch (random.nextInt(subspaces ? 7 : 4)) {
      case 0 -> new EditKind.Set(values);
      case 1 -> new EditKind.Add(2 * random.nextFloat(), values);
      case 2 -> new EditKind.Scale(random.nextFloat());
      case 3 -> new EditKind.Clamp(-random.nextFloat(), Float.POSITIVE_INFINITY);
      case 4 -> new EditKind.Subspace(basis(region, random, arena), null);
      default -> new EditKind.Subspace(basis(region, random, arena), values);
    };
  }

  /** Returns rows of length 1, which need not be orthogonal to compare bits. */
  private static MemorySegment basis(Region region, Random random, Arena arena) {
    int k = 1 + random.nextInt(Math.min(3, region.columns()));
    double length = Math.sqrt(region.columns());
    return Segments.floats(
        arena, (long) k * region.columns(), () -> random.nextGaussian() / length);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void equalBitsOnEveryExecutor(long seed) {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = plan(new Random(seed), arena);
      var _ =
          PlanRuns.assertSameBits(
              plan, KvType.F32, PlanRuns.steps(seed), step -> fill(step, arena));
    }
  }

  /** Tables without entries, and with entries of strength 0. */
  @Test
  void copiesBitsWhereNoEntryApplies() {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = plan(new Random(7), arena);
      MemorySegment values = Segments.floats(arena, D, new Random(8)::nextGaussian);
      Region all = new Region(Region.ALL, 0, PlanRuns.POSITIONS, 0, D);
      inChain.add(all, new EditKind.Add(0, values));
      wholeRows.add(new Region(Region.ALL, 60, 64, 0, D), new EditKind.Set(values));
      for (Executor executor : PlanRuns.executors()) {
        try (executor) {
          for (Map<Buffer, int[]> step :
              PlanRuns.run(executor, plan, KvType.F32, PlanRuns.steps(9), i -> {})) {
            assertSame(plan, step, "product", "edited");
            assertSame(plan, step, "sum", "rows");
            assertSame(plan, step, "chosen", "logits");
          }
        }
      }
    }
  }

  private static void assertSame(Plan plan, Map<Buffer, int[]> step, String x, String y) {
    assertArrayEquals(step.get(plan.buffer(x)), step.get(plan.buffer(y)), y);
  }

  /** An edit of strength 0 keeps −0. */
  @Test
  void strengthZero_keepsNegativeZero() {
    try (Arena arena = Arena.ofConfined()) {
      inChain.add(
          new Region(Region.ALL, 0, 1, 0, D),
          new EditKind.Add(0, Segments.floats(arena, (long) D)));
      assertEquals(List.of(), inChain.entries());
    }
  }

  @Test
  void closedValues_throws() {
    try (Arena arena = Arena.ofShared();
        NativeExecutor executor = NativeExecutor.create(Isa.pick(), 2)) {
      Plan plan = plan(new Random(10), arena);
      var cache = new KvCache(executor, plan.kv(), PlanRuns.SEQUENCES, arena);
      var batch = new Batch(PlanRuns.LIMITS, arena);
      PlanRuns.fill(batch, List.of(new Token(0, 0, 1, true)));
      try (ExecutablePlan executable = executor.prepare(plan, PlanRuns.LIMITS, cache)) {
        try (Arena shorter = Arena.ofConfined()) {
          inChain.add(
              new Region(0, 0, 5, 0, D), new EditKind.Set(Segments.floats(shorter, (long) D)));
          executable.run(batch);
        }
        Exception e = assertThrows(IllegalStateException.class, () -> executable.run(batch));
        assertEquals("the values of an edit are closed", e.getMessage());
        inChain.clear();
        executable.run(batch);
      }
    }
  }
}
