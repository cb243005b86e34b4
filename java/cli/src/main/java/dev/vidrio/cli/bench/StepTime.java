package dev.vidrio.cli.bench;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Placement;
import dev.vidrio.kernel.execution.StepBalance;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.WeightType;
import java.lang.foreign.Arena;
import java.util.function.BiConsumer;

/**
 * The predicted time of a step: for each operation, the time of its reads or of its arithmetic at
 * the peaks, whichever is longer; products of few tokens divided by the ceiling of the plan's
 * division among workers; and the barriers. Elementwise operations are a fixed share.
 *
 * @param plan the prepared plan
 * @param kv element type of the cache
 * @param peaks the peaks of all workers together
 * @param workers the number of workers of a step that generates
 * @param nodes the number of NUMA nodes that the workers are on
 */
record StepTime(ExecutablePlan plan, KvType kv, Peaks peaks, int workers, int nodes) {
  /** The share of the bandwidth at which products and attention read. */
  private static final double READ = 0.95;

  /** The share of the f32 peak that attention reaches. */
  private static final double FLOAT = 0.35;

  /**
   * The ratio of the int8 peak of vectors to the f32 peak. Products by tiles of AMX are hardly
   * faster, since their sums are scaled by vectors (ADR 007).
   */
  private static final double VECTORS = 4;

  /** The share of the bf16 peak that products of many rows reach (ADR 027). */
  private static final double BF16 = 0.35;

  /** The rows of a product in bf16 that reaches half of {@link #BF16}. */
  private static final double BF16_HALF = 16;

  /** The time of a barrier and of the small operations before it. */
  private static final double BARRIER_SECONDS = 4e-6;

  /** The share of a long step's time for elementwise operations and uneven tiles, on top. */
  private static final double ELEMENTWISE = 0.3;

  /** The tokens of a step that has half of {@link #ELEMENTWISE}. */
  private static final double ELEMENTWISE_HALF = 16;

  /** Returns the seconds of a step in which each of several sequences has one token. */
  double generation(int sequences, int position) {
    return seconds(
        new Limits(sequences, sequences, sequences, position + 1, vocabulary()),
        (batch, blocks) -> {
          for (int i = 0; i < sequences; i++) {
            batch.add(0, position, batch.addSequence(blocks, blocks.length, slot()), true);
          }
        });
  }

  /** Returns the seconds of a chunk of a prompt. */
  double prompt(int tokens, int position) {
    return seconds(
        new Limits(tokens, 1, 1, position + tokens, vocabulary()),
        (batch, blocks) -> {
          int sequence = batch.addSequence(blocks, blocks.length, slot());
          for (int i = 0; i < tokens; i++) {
            batch.add(0, position + i, sequence, i == tokens - 1);
          }
        });
  }

  /**
   * Returns the bytes of a generated token that nodes read from each other: parts of matrices at
   * the ends of slices, inputs of products, and of the memory that is interleaved over several
   * nodes: experts if they are too many for slices, and keys and values if there are fewer groups
   * of heads than nodes.
   */
  double remoteBytes(int position) {
    StepBalance balance = NativeExecutor.balance(plan, 1, workers, nodes);
    double remote = balance.remote() + balance.inputs();
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(new Limits(1, 1, 1, position + 1, vocabulary()), arena);
      int[] blocks = new int[KvCache.blocksFor(position + 1)];
      batch.add(0, position, batch.addSequence(blocks, blocks.length, slot()), true);
      for (Op op : plan.plan().ops()) {
        remote += OpWork.of(op, batch, plan.plan().kv(), kv).bytes() * remoteShare(op);
      }
    }
    return remote;
  }

  /** Returns the share of an operation's bytes that is on other nodes than its worker. */
  private double remoteShare(Op op) {
    int interleaved =
        switch (op) {
          case SequenceOp.Attention attention ->
              nodes / plan.plan().kv().keyValue(attention.layer()).groups(nodes);
          case ExpertOp.ExpertMatMul _ ->
              Placement.ofExperts(expertMatrices(), nodes) == Placement.SLICES ? 1 : nodes;
          default -> 1;
        };
    return (interleaved - 1.0) / interleaved;
  }

  private long expertMatrices() {
    return plan.plan().ops().stream()
        .mapToLong(op -> op instanceof ExpertOp.ExpertMatMul m ? m.matrices().size() : 0)
        .sum();
  }

  private int vocabulary() {
    return plan.limits().vocabulary();
  }

  private int slot() {
    return plan.plan().kv().hasStates() ? 0 : Batch.NO_SLOT;
  }

  private double seconds(Limits limits, BiConsumer<Batch, int[]> fill) {
    try (Arena arena = Arena.ofConfined()) {
      var batch = new Batch(limits, arena);
      fill.accept(batch, new int[KvCache.blocksFor(limits.positions())]);
      StepBalance balance =
          NativeExecutor.balance(
              plan, Math.min(batch.tokenCount(), NativeExecutor.FEW_TOKENS), workers, nodes);
      double ceiling = batch.tokenCount() <= NativeExecutor.FEW_TOKENS ? balance.efficiency() : 1;
      double seconds = balance.barriers() * (workers == 1 ? 0 : BARRIER_SECONDS);
      for (Op op : plan.plan().ops()) {
        OpWork work = OpWork.of(op, batch, plan.plan().kv(), kv);
        if (!work.equals(OpWork.NONE)) {
          seconds += seconds(op, work, batch.rows(op.rows())) / (isProduct(op) ? ceiling : 1);
        }
      }
      double tokens = batch.tokenCount();
      return seconds * (1 + ELEMENTWISE * tokens / (tokens + ELEMENTWISE_HALF));
    }
  }

  private static boolean isProduct(Op op) {
    return op instanceof Op.MatMul || op instanceof ExpertOp.ExpertMatMul;
  }

  private double seconds(Op op, OpWork work, int rows) {
    double reading = work.bytes() / (READ * peaks.read());
    double rate =
        switch (work.kind()) {
          case F32 -> FLOAT * peaks.f32();
          case INT8 -> share(op, rows) * Math.min(peaks.int8(), VECTORS * peaks.f32());
          case BF16 -> rows / (rows + BF16_HALF) * BF16 * peaks.bf16();
        };
    return Math.max(reading, work.operations() / rate);
  }

  /**
   * Returns the share of the int8 peak that a product of many rows reaches (docs/limits.md); with
   * few rows, unpacking weights takes most of the time.
   */
  private static double share(Op op, int rows) {
    WeightType type =
        op instanceof Op.MatMul product
            ? product.weights().type()
            : ((ExpertOp.ExpertMatMul) op).type();
    double many =
        switch (type) {
          case Q4_K, Q5_K -> 0.55;
          case Q6_K, Q3_K -> 0.4;
          case Q2_K -> 0.35;
          default -> 0.5;
        };
    return many * rows / (rows + 2.0);
  }
}
