package dev.vidrio.kernel.ffm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.execution.StepBalance;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The ceiling of the workers' efficiency in one layer of common models, from the division of their
 * plans. docs/scaling.md shows the table.
 */
class StepBalanceTest {
  private static final int[] WORKERS = {16, 32, 64, 96, 128, 192};
  private static final int[] NODES = {2, 4, 8};

  /**
   * A layer in the shapes of its matrices, with the least ceiling for any of WORKERS, in percent;
   * and for any of NODES the least ceiling and the largest part of the weights that is read from
   * other nodes.
   */
  enum Layer {
    SMOLLM2_135M(WeightType.Q8_0, 576, 9, 3, 64, 1536, false, 89, 85, 3.5),
    QWEN2_5_1_5B(WeightType.Q4_K, 1536, 12, 2, 128, 8960, true, 95, 95, 0),
    QWEN3_4B(WeightType.Q4_K, 2560, 32, 8, 128, 9728, false, 98, 98, 0),
    LLAMA_3_1_8B(WeightType.Q4_K, 4096, 32, 8, 128, 14336, false, 98, 98, 0);

    private final WeightType type;
    private final int d;
    private final int heads;
    private final int kvHeads;
    private final int dH;
    private final int dFfn;
    private final boolean biases;
    private final int percent;
    private final double nodePercent;
    private final double remotePercent;

    Layer(
        WeightType type,
        int d,
        int heads,
        int kvHeads,
        int dH,
        int dFfn,
        boolean biases,
        int percent,
        double nodePercent,
        double remotePercent) {
      this.type = type;
      this.d = d;
      this.heads = heads;
      this.kvHeads = kvHeads;
      this.dH = dH;
      this.dFfn = dFfn;
      this.biases = biases;
      this.percent = percent;
      this.nodePercent = nodePercent;
      this.remotePercent = remotePercent;
    }

    /** Returns the ceilings of steps of 3 to 16 tokens for WORKERS, in percent. */
    int[] smallStep() {
      return switch (this) {
        case SMOLLM2_135M -> new int[] {100, 96, 62, 41, 31, 21};
        case QWEN2_5_1_5B -> new int[] {100, 98, 94, 92, 79, 63};
        case QWEN3_4B -> new int[] {100, 100, 100, 99, 99, 93};
        case LLAMA_3_1_8B -> new int[] {100, 100, 100, 100, 100, 99};
      };
    }

    /** Returns the elements of the inputs of products. */
    int inputs() {
      return d + heads * dH + d + dFfn;
    }

    KvShape kv() {
      return new KvShape(1, kvHeads, dH);
    }

    private Buffer project(PlanBuilder b, String name, int n, boolean bias, Buffer x) {
      @Nullable Weights vector = bias ? matrix(name + ".bias", WeightType.F32, 1, n) : null;
      return b.linear(name, matrix(name, type, n, x.width()), vector, x);
    }

    Plan plan() {
      var b = new PlanBuilder(kv());
      Buffer x = b.embed("x", matrix("table", WeightType.F32, 10, d));
      Weights gain = matrix("gain", WeightType.F32, 1, d);
      Buffer h = b.norm("h", Op.NormKind.RMS, x, 1e-5f, gain, null);
      Buffer q = project(b, "q", heads * dH, biases, h);
      Buffer k = project(b, "k", kvHeads * dH, biases, h);
      Buffer v = project(b, "v", kvHeads * dH, biases, h);
      b.kvStore(0, k, v);
      Buffer z = b.attention("z", 0, 1, q);
      Buffer mid = b.add("mid", x, project(b, "out", d, false, z));
      Buffer h2 = b.norm("h2", Op.NormKind.RMS, mid, 1e-5f, gain, null);
      Buffer gate = project(b, "gate", dFfn, false, h2);
      Buffer up = project(b, "up", dFfn, false, h2);
      Buffer post = b.gated("post", Op.ActivationKind.SILU, gate, up);
      b.output(b.add("y", mid, project(b, "down", d, false, post)));
      return b.build();
    }
  }

  /** Returns weights at an address that is never read. */
  @SuppressWarnings("restricted")
  private static Weights matrix(String name, WeightType type, int n, int k) {
    boolean packed = type.quantized();
    long bytes = packed ? Packing.bytes(type, n, k) : (long) n * type.bytes(k);
    return new Weights(
        name,
        type,
        packed ? Weights.Layout.PACKED : Weights.Layout.ROWS,
        n,
        k,
        MemorySegment.ofAddress(1 << 20).reinterpret(bytes));
  }

  private static void prepare(Layer layer, Consumer<ExecutablePlan> check) {
    var limits = new Limits(16, 16, 1, 64, 10);
    try (NativeExecutor executor = NativeExecutor.create(Isa.pick(), 1);
        Arena arena = Arena.ofShared()) {
      var cache = new KvCache(executor, layer.kv(), KvType.F32, 1, 1, arena);
      try (ExecutablePlan plan = executor.prepare(layer.plan(), limits, cache)) {
        check.accept(plan);
      }
    }
  }

  private static double bytes(Layer layer) {
    return layer.plan().ops().stream()
        .filter(op -> op instanceof Op.MatMul)
        .mapToDouble(op -> ((Op.MatMul) op).weights().bytes())
        .sum();
  }

  @ParameterizedTest
  @EnumSource(Layer.class)
  void decodeStep_ceilingsReachTargets(Layer layer) {
    prepare(
        layer,
        plan -> {
          for (int workers : WORKERS) {
            StepBalance balance = NativeExecutor.balance(plan, 1, workers, 1);
            assertEquals(bytes(layer), balance.bytes());
            assertTrue(balance.efficiency() <= 1);
            assertTrue(
                100 * balance.efficiency() >= layer.percent,
                workers + " workers: " + balance.efficiency());
          }
        });
  }

  /** In steps of 3 to 16 tokens, jobs are divided if there is one for each worker. */
  @ParameterizedTest
  @EnumSource(Layer.class)
  void smallStep_ceilingsReachTargets(Layer layer) {
    prepare(
        layer,
        plan -> {
          for (int i = 0; i < WORKERS.length; i++) {
            StepBalance balance = NativeExecutor.balance(plan, 16, WORKERS[i], 1);
            assertTrue(
                100 * balance.efficiency() >= layer.smallStep()[i] - 1,
                WORKERS[i] + " workers: " + balance.efficiency());
          }
        });
  }

  /**
   * Nodes hold the weights that their workers read, except for parts of jobs at the ends of slices,
   * so that mostly inputs cross.
   */
  @ParameterizedTest
  @EnumSource(Layer.class)
  void nodes_readLittleFromEachOther(Layer layer) {
    prepare(
        layer,
        plan -> {
          for (int nodes : NODES) {
            for (int workers : WORKERS) {
              StepBalance balance = NativeExecutor.balance(plan, 1, workers, nodes);
              String what = workers + " workers on " + nodes + " nodes: " + balance;
              assertEquals(bytes(layer), balance.bytes(), what);
              assertTrue(100 * balance.remote() <= layer.remotePercent * balance.bytes(), what);
              assertTrue(balance.inputs() <= (nodes - 1) * 4.0 * layer.inputs(), what);
              assertTrue(100 * balance.efficiency() >= layer.nodePercent, what);
            }
          }
        });
  }

  @ParameterizedTest
  @EnumSource(Layer.class)
  void oneNode_readsNothingFromOthers(Layer layer) {
    prepare(
        layer,
        plan -> {
          StepBalance balance = NativeExecutor.balance(plan, 1, 64, 1);
          assertEquals(0, balance.remote());
          assertEquals(0, balance.inputs());
        });
  }

  @ParameterizedTest
  @EnumSource(Layer.class)
  void oneWorker_doesNotWait(Layer layer) {
    prepare(
        layer,
        plan -> {
          StepBalance balance = NativeExecutor.balance(plan, 1, 1, 1);
          assertEquals(1, balance.efficiency());
          assertTrue(balance.barriers() >= 6, balance::toString);
        });
  }

  @Test
  void rejectsOtherSteps() {
    prepare(
        Layer.SMOLLM2_135M,
        plan -> {
          int[][] invalid = {{0, 1, 1}, {17, 1, 1}, {1, 0, 1}, {1, 8, 0}, {1, 8, 9}, {1, 100, 65}};
          for (int[] step : invalid) {
            assertThrows(
                IllegalArgumentException.class,
                () -> NativeExecutor.balance(plan, step[0], step[1], step[2]));
          }
        });
  }
}
