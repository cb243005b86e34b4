package dev.vidrio.kernel.java;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.PlanFixtures.Token;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.LowRankTable.Matrix;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Adapters on every executor, in epilogues and alone, with different adapters per sequence, while
 * their table changes.
 */
class LowRankTest {
  private static final int D = 96;
  private static final int LOGITS = 37;
  private static final int SLOTS = 3;
  private static final int RANK = 20;

  private final LowRankTable table =
      new LowRankTable(
          List.of(new Matrix(D, D), new Matrix(D, D), new Matrix(LOGITS, D)),
          SLOTS,
          PlanRuns.SEQUENCES,
          RANK);

  private static Buffer buffer(String name, Rows rows, int width) {
    return new Buffer(name, rows, width);
  }

  /**
   * Returns a plan of a product of an embedding, one of a norm, which may be replicated, and one of
   * logit rows.
   */
  private Plan plan(Random random, Arena arena) {
    Buffer x = buffer("x", Rows.TOKENS, D);
    Buffer xDown = buffer("x.down", Rows.TOKENS, RANK);
    Buffer product = buffer("product", Rows.TOKENS, D);
    Buffer adapted = buffer("adapted", Rows.TOKENS, D);
    Buffer sum = buffer("sum", Rows.TOKENS, D);
    Buffer norm = buffer("norm", Rows.TOKENS, D);
    Buffer normDown = buffer("norm.down", Rows.TOKENS, RANK);
    Buffer second = buffer("second", Rows.TOKENS, D);
    Buffer secondAdapted = buffer("second.adapted", Rows.TOKENS, D);
    Buffer chosen = buffer("chosen", Rows.LOGITS, D);
    Buffer chosenDown = buffer("chosen.down", Rows.LOGITS, RANK);
    Buffer plain = buffer("plain", Rows.LOGITS, LOGITS);
    Buffer logits = buffer("logits", Rows.LOGITS, LOGITS);
    QuantizedBuffer xq = new QuantizedBuffer("xq", Rows.TOKENS, D);
    QuantizedBuffer normq = new QuantizedBuffer("normq", Rows.TOKENS, D);
    var embedding = Segments.matrix(arena, WeightType.F32, PlanRuns.LIMITS.vocabulary(), D, random);
    var w = Segments.packed(arena, Segments.matrix(arena, WeightType.Q8_0, D, D, random));
    var unembedding = Segments.matrix(arena, WeightType.F32, LOGITS, D, random);
    return new Plan(
        List.of(
            new Op.Embed(embedding, Op.EmbedIndex.TOKENS, 0, 0, x),
            new Op.Quantize(x, xq),
            new LowRankOp.Down(x, table, 0, xDown),
            new Op.MatMul(w, xq, product),
            new LowRankOp.Up(product, xDown, table, 0, adapted),
            new Op.Add(x, adapted, sum),
            new Op.Norm(Op.NormKind.RMS, 1e-5f, 1, sum, null, null, norm, null),
            new Op.Quantize(norm, normq),
            new LowRankOp.Down(norm, table, 1, normDown),
            new Op.MatMul(w, normq, second),
            new LowRankOp.Up(second, normDown, table, 1, secondAdapted),
            new Op.Gather(secondAdapted, chosen),
            new LowRankOp.Down(chosen, table, 2, chosenDown),
            new Op.MatMul(unembedding, chosen, plain),
            new LowRankOp.Up(plain, chosenDown, table, 2, logits)),
        new KvShape(1, 1, 32),
        Set.of(product, adapted, second, secondAdapted, plain, logits));
  }

  /** Fills all slots with other adapters and choices for each step. */
  private void fill(int step, Arena arena) {
    Random random = new Random(step);
    for (int slot = 0; slot < SLOTS; slot++) {
      List<LowRank> adapter = new ArrayList<>();
      for (int i = 0; i < table.matrices(); i++) {
        adapter.add(random.nextInt(4) == 0 ? null : lowRank(table.matrix(i), random, arena));
      }
      table.set(slot, adapter);
    }
    for (int sequence = 0; sequence < PlanRuns.SEQUENCES; sequence++) {
      table.choose(sequence, random.nextInt(-1, SLOTS), (float) random.nextGaussian());
    }
  }

  private static LowRank lowRank(Matrix matrix, Random random, Arena arena) {
    int rank = 1 + random.nextInt(RANK);
    MemorySegment b =
        Segments.floats(arena, LowRank.bytes(matrix.n(), rank) / Float.BYTES, random::nextGaussian);
    Weights a = Segments.matrix(arena, WeightType.F32, rank, matrix.k(), random);
    return new LowRank(a, matrix.n(), b, random.nextFloat());
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  @Tag("long")
  void equalBitsOnEveryExecutor(long seed) {
    try (Arena arena = Arena.ofShared()) {
      Plan plan = plan(new Random(seed), arena);
      var _ =
          PlanRuns.assertSameBits(
              plan, KvType.F32, PlanRuns.steps(seed), step -> fill(step, arena));
    }
  }

  /** A row is the product plus the update of its own sequence, element by element. */
  @Test
  void appliesAdapterOfEachSequence() {
    try (Arena arena = Arena.ofShared();
        JavaExecutor scalar = JavaExecutor.scalar(1)) {
      Plan plan = plan(new Random(5), arena);
      fill(3, arena);
      table.choose(1, LowRankTable.NONE, 1);
      table.choose(0, 2, -0.5f);
      LowRank update = lowRank(table.matrix(0), new Random(6), arena);
      table.set(2, Arrays.asList(update, null, null));
      var tokens = List.of(new Token(0, 0, 1, true), new Token(1, 0, 2, true));
      Map<Buffer, int[]> step =
          PlanRuns.run(scalar, plan, KvType.F32, List.of(tokens), i -> {}).getFirst();
      int[] product = Objects.requireNonNull(step.get(plan.buffer("product")));
      int[] adapted = Objects.requireNonNull(step.get(plan.buffer("adapted")));
      var embedding = ((Op.Embed) plan.ops().getFirst()).table();
      for (int n = 0; n < D; n++) {
        double sum = 0;
        double terms = 0;
        for (int j = 0; j < update.rank(); j++) {
          double b = Elements.get(update.b(), LowRank.index(update.rank(), n, j));
          for (int k = 0; k < D; k++) {
            double u = Elements.get(embedding.data(), (long) D + k);
            double term = u * Elements.get(update.a().data(), (long) j * D + k) * b;
            sum += term;
            terms += Math.abs(term);
          }
        }
        double exact = Float.intBitsToFloat(product[n]) - 0.5 * update.scale() * sum;
        // Lane sum, two factors, one fma for each of the rank, one sum.
        double roundings = (D / 16 + 4 + 2 + update.rank() + 1) * 0x1p-24 * 1.01;
        double bound = roundings * 0.5 * update.scale() * terms + 0x1p-24 * Math.abs(exact);
        assertEquals(exact, Float.intBitsToFloat(adapted[n]), bound, "column " + n);
        assertEquals(product[D + n], adapted[D + n], "column " + n);
      }
      assertFalse(Arrays.equals(product, adapted));
    }
  }

  @Test
  void closedAdapter_throws() {
    try (Arena arena = Arena.ofShared();
        NativeExecutor executor = NativeExecutor.create(Isa.pick(), 2)) {
      Plan plan = plan(new Random(10), arena);
      var cache = new KvCache(executor, plan.kv(), PlanRuns.SEQUENCES, arena);
      var batch = new Batch(PlanRuns.LIMITS, arena);
      PlanRuns.fill(batch, List.of(new Token(0, 0, 1, true)));
      try (ExecutablePlan executable = executor.prepare(plan, PlanRuns.LIMITS, cache)) {
        try (Arena shorter = Arena.ofConfined()) {
          LowRank update = lowRank(table.matrix(1), new Random(11), shorter);
          table.set(1, Arrays.asList(null, update, null));
          table.choose(0, 1, 1);
          executable.run(batch);
        }
        assertThrows(IllegalStateException.class, () -> executable.run(batch));
        table.clear(1);
        executable.run(batch);
      }
    }
  }

  @Test
  void rejectsMismatchedShapes() {
    Buffer x = buffer("x", Rows.TOKENS, D);
    Buffer t = buffer("t", Rows.TOKENS, RANK);
    Buffer wide = buffer("wide", Rows.TOKENS, LOGITS);
    Buffer chosen = buffer("chosen", Rows.LOGITS, RANK);
    assertThrows(IllegalArgumentException.class, () -> new LowRankOp.Down(wide, table, 0, t));
    assertThrows(IllegalArgumentException.class, () -> new LowRankOp.Down(x, table, 0, chosen));
    assertThrows(IllegalArgumentException.class, () -> new LowRankOp.Up(x, t, table, 2, x));
    assertThrows(IllegalArgumentException.class, () -> new LowRankOp.Up(x, chosen, table, 0, x));
  }
}
