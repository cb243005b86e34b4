package dev.vidrio.kernel.execution;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.HeapExecutor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** Checks memory and barriers against their definitions, on random plans. */
class WorkspaceTest {
  private static final KvShape KV = new KvShape(2, 2, 16);
  private static final Limits LIMITS = new Limits(5, 3, 2, 100, 10);

  private static Plan randomPlan(long seed) {
    var random = new SplittableRandom(seed);
    var b = new PlanBuilder(KV);
    var table =
        new Weights(
            "t",
            WeightType.F32,
            Weights.Layout.ROWS,
            10,
            32,
            Arena.ofAuto().allocate(10 * 32 * 4, 64));
    var square =
        new Weights(
            "w",
            WeightType.Q8_0,
            Weights.Layout.PACKED,
            32,
            32,
            Arena.ofAuto().allocate(Packing.bytes(WeightType.Q8_0, 32, 32), 64));
    List<Buffer> known = new ArrayList<>(List.of(b.embed("x", table)));
    for (int i = 0; i < 30; i++) {
      Buffer x = known.get(random.nextInt(known.size()));
      Buffer other = known.get(random.nextInt(known.size()));
      String name = "b" + i;
      switch (random.nextInt(7)) {
        case 0 -> known.add(b.add(name, x, other));
        case 1 -> known.add(b.matMul(name, square, x));
        case 2 -> known.add(b.activation(name, Op.ActivationKind.SILU, x));
        case 3 -> known.add(b.attention(name, random.nextInt(2), 1, x));
        case 4 -> b.kvStore(random.nextInt(2), x, other);
        case 5 -> b.output(x);
        default -> known.add(b.norm(name, Op.NormKind.LAYER, x, 1e-5f, null, null));
      }
    }
    return b.build();
  }

  private static List<MemorySegment> memory(Workspace workspace, Operand operand) {
    return switch (operand) {
      case Buffer buffer -> List.of(workspace.segment(buffer));
      case QuantizedBuffer buffer -> {
        Workspace.Quantized parts = workspace.segments(buffer);
        yield List.of(parts.q(), parts.scale(), parts.sum(), parts.scaledSum());
      }
    };
  }

  private static boolean overlap(Workspace workspace, Operand a, Operand b) {
    return memory(workspace, a).stream()
        .anyMatch(
            x -> memory(workspace, b).stream().anyMatch(y -> x.asOverlappingSlice(y).isPresent()));
  }

  @RepeatedTest(50)
  void keepsActivationsUntilLastUse(RepetitionInfo repetition) {
    Plan plan = randomPlan(repetition.getCurrentRepetition());
    try (Arena arena = Arena.ofConfined()) {
      Workspace workspace =
          new Workspace(plan, Schedule.plain(plan), LIMITS, new HeapExecutor(), arena);
      Map<Operand, Integer> lastUse = new HashMap<>();
      for (int i = 0; i < plan.ops().size(); i++) {
        for (Operand operand : plan.ops().get(i).operands().toList()) {
          lastUse.put(operand, i);
        }
      }
      plan.outputs().forEach(output -> lastUse.put(output, Integer.MAX_VALUE));
      Map<Operand, Integer> writtenAt = new HashMap<>();
      for (int i = 0; i < plan.ops().size(); i++) {
        for (Operand target : plan.ops().get(i).writes()) {
          for (Operand earlier : writtenAt.keySet()) {
            if (lastUse.getOrDefault(earlier, -1) >= i) {
              assertFalse(overlap(workspace, target, earlier), earlier + " overlaps " + target);
            }
          }
          writtenAt.put(target, i);
        }
      }
    }
  }

  @RepeatedTest(50)
  void placesBarriersBetweenConflictingOperations(RepetitionInfo repetition) {
    Plan plan = randomPlan(100 + repetition.getCurrentRepetition());
    try (Arena arena = Arena.ofConfined()) {
      Workspace workspace =
          new Workspace(plan, Schedule.plain(plan), LIMITS, new HeapExecutor(), arena);
      for (int i = 0; i < plan.ops().size(); i++) {
        for (int j = i - 1; j >= 0 && !workspace.barrierBefore(j + 1); j--) {
          assertFalse(
              conflict(workspace, plan.ops().get(j), plan.ops().get(i)),
              plan.ops().get(j) + " and " + plan.ops().get(i));
        }
      }
    }
  }

  private static boolean conflict(Workspace workspace, Op a, Op b) {
    return anyOverlap(workspace, a.writes(), b.operands().toList())
        || anyOverlap(workspace, a.reads(), b.writes())
        || (a instanceof SequenceOp.KvStore store && usesLayer(b, store.layer()))
        || (b instanceof SequenceOp.KvStore store && usesLayer(a, store.layer()));
  }

  private static boolean usesLayer(Op op, int layer) {
    return (op instanceof SequenceOp.KvStore store && store.layer() == layer)
        || (op instanceof SequenceOp.Attention attention && attention.layer() == layer);
  }

  private static boolean anyOverlap(Workspace workspace, List<Operand> a, List<Operand> b) {
    return a.stream().anyMatch(x -> b.stream().anyMatch(y -> overlap(workspace, x, y)));
  }

  @Test
  void productsOfOneActivation_noBarrier() {
    var b = new PlanBuilder(KV);
    var table =
        new Weights(
            "t", WeightType.F32, Weights.Layout.ROWS, 10, 32, Arena.ofAuto().allocate(1280, 64));
    Buffer x = b.embed("x", table);
    var w =
        new Weights(
            "w", WeightType.F32, Weights.Layout.ROWS, 32, 32, Arena.ofAuto().allocate(4096, 64));
    Buffer q = b.matMul("q", w, x);
    Buffer k = b.matMul("k", w, x);
    b.output(b.add("y", q, k));
    try (Arena arena = Arena.ofConfined()) {
      Workspace workspace =
          new Workspace(b.build(), Schedule.plain(b.build()), LIMITS, new HeapExecutor(), arena);
      assertTrue(workspace.barrierBefore(1));
      assertFalse(workspace.barrierBefore(2));
      assertTrue(workspace.barrierBefore(3));
    }
  }

  @Test
  void rejectsEmbeddingTablesSmallerThanTheLimits() {
    var table =
        new Weights(
            "t", WeightType.F32, Weights.Layout.ROWS, 10, 32, Arena.ofAuto().allocate(1280, 64));
    var b = new PlanBuilder(KV);
    b.output(b.embedPositions("x", table, 2));
    Plan plan = b.build();
    try (Arena arena = Arena.ofConfined()) {
      var fitting = new Limits(1, 1, 1, 8, 10);
      new Workspace(plan, Schedule.plain(plan), fitting, new HeapExecutor(), arena);
      var longer = new Limits(1, 1, 1, 9, 10);
      Exception e =
          assertThrows(
              IllegalArgumentException.class,
              () -> new Workspace(plan, Schedule.plain(plan), longer, new HeapExecutor(), arena));
      assertEquals("t has 10 rows, but the limits need 11", e.getMessage());
    }
  }

  @Test
  void deepPlan_reusesMemoryOfLayers() {
    var b = new PlanBuilder(KV);
    var table =
        new Weights(
            "t", WeightType.F32, Weights.Layout.ROWS, 10, 32, Arena.ofAuto().allocate(1280, 64));
    Buffer x = b.embed("x", table);
    for (int i = 0; i < 1000; i++) {
      x = b.activation("a" + i, Op.ActivationKind.RELU, x);
    }
    Plan plan = b.build();
    try (Arena arena = Arena.ofConfined()) {
      Workspace workspace =
          new Workspace(plan, Schedule.plain(plan), LIMITS, new HeapExecutor(), arena);
      long places =
          plan.ops().stream()
              .flatMap(op -> op.writes().stream())
              .map(operand -> memory(workspace, operand).getFirst().address())
              .distinct()
              .count();
      assertEquals(2, places);
    }
  }
}
