package dev.vidrio.kernel.execution;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * How workers run the operations of a plan so that they rarely wait for each other. It changes who
 * computes what and when, but no bit of any activation, so taps need no exceptions.
 *
 * <ul>
 *   <li>A matrix product and the elementwise operations after it form a <i>chain</i>: a tile of the
 *       output passes through all of them while it is in the cache.
 *   <li>Norms, gains and quantizations that only products (also of low rank) and taps read are
 *       <i>local</i>: in steps of a few tokens, each worker computes them on its own.
 * </ul>
 */
public final class Schedule {
  /** Operations that may follow a product; {@code VD_EPILOGUE_MAX}. */
  private static final int CHAIN = 16;

  private final List<Op> ops;
  private final boolean[] follows;
  private final boolean[] local;
  private final Set<Operand> localOperands = new HashSet<>();

  private Schedule(Plan plan) {
    this.ops = plan.ops();
    this.follows = new boolean[ops.size()];
    this.local = new boolean[ops.size()];
  }

  /** Every operation on its own, divided among all workers. */
  public static Schedule plain(Plan plan) {
    return new Schedule(plan);
  }

  /** Chains and local results wherever they are possible. */
  public static Schedule fused(Plan plan) {
    var schedule = new Schedule(plan);
    schedule.findChains();
    schedule.findLocal();
    return schedule;
  }

  /** Whether operation i belongs to the chain of the one before it. */
  public boolean follows(int i) {
    return follows[i];
  }

  /** Whether each worker computes operation i for itself in steps of a few tokens. */
  public boolean isLocal(int i) {
    return local[i];
  }

  /** Whether it is the result of a local operation. */
  public boolean isLocal(Operand operand) {
    return localOperands.contains(operand);
  }

  /** The operation after the chain that begins at i, or after i. */
  int chainEnd(int i) {
    int end = i + 1;
    while (end < ops.size() && follows[end]) {
      end++;
    }
    return end;
  }

  private void findChains() {
    for (int head = 0; head < ops.size(); head = chainEnd(head)) {
      if (ops.get(head) instanceof Op.MatMul product) {
        Set<Operand> written = new HashSet<>(product.writes());
        for (int i = head + 1; i < ops.size() && i - head <= CHAIN; i++) {
          if (!canFollow(product, ops.get(i), written)) {
            break;
          }
          follows[i] = true;
          written.addAll(ops.get(i).writes());
        }
      }
    }
  }

  /**
   * A product reads whole rows, so it cannot read what the chain is still writing; and it must be
   * like the first one, after which tiles are cut.
   */
  private static boolean canFollow(Op.MatMul head, Op op, Set<Operand> written) {
    boolean byElement =
        switch (op) {
          case Op.MatMul product ->
              !written.contains(product.x())
                  && product.weights().type() == head.weights().type()
                  && product.weights().k() == head.weights().k();
          case Op.Quantize q -> written.contains(q.x());
          case Op.Activation a -> written.contains(a.x());
          case Op.Add a -> written.contains(a.a()) || written.contains(a.b());
          case Op.AddBias a -> written.contains(a.a());
          case Op.Scale s -> written.contains(s.x());
          case LowRankOp.Up u -> written.contains(u.x());
          case HookOp.Edit e -> written.contains(e.x()) && !e.edits().subspaces();
          case HookOp.Tap ignored -> true;
          default -> false;
        };
    return byElement && op.shape().width() == head.y().width() && op.rows() == head.rows();
  }

  /** From the last operation on, since what reads a result decides. */
  private void findLocal() {
    Map<Operand, Boolean> suitable = new HashMap<>();
    for (int i = ops.size() - 1; i >= 0; i--) {
      Op op = ops.get(i);
      local[i] =
          canBeLocal(op)
              && !follows[i]
              && op.rows() == Rows.TOKENS
              && op.writes().stream().allMatch(y -> suitable.getOrDefault(y, true));
      if (local[i]) {
        localOperands.addAll(op.writes());
      }
      boolean suits = readsLocal(op) || (op instanceof OpenOp.Gain && local[i]);
      op.reads().forEach(x -> suitable.merge(x, suits, Boolean::logicalAnd));
    }
  }

  private static boolean canBeLocal(Op op) {
    return op instanceof Op.Norm || op instanceof Op.Quantize || op instanceof OpenOp.Gain;
  }

  /** Whether it reads local results, even where its own is not local. */
  private static boolean readsLocal(Op op) {
    return op instanceof Op.MatMul
        || op instanceof LowRankOp.Down
        || op instanceof Op.Quantize
        || op instanceof HookOp.Tap;
  }

  /**
   * The last operation during which each activation is needed. A chain needs all that it touches
   * until it ends; and what local operations touch stays until their results are used, so that no
   * worker overwrites what another one is still reading.
   */
  Map<Operand, Integer> lastUses() {
    Map<Operand, Integer> last = new LinkedHashMap<>();
    for (int i = 0; i < ops.size(); i = chainEnd(i)) {
      for (int j = i; j < chainEnd(i); j++) {
        for (Operand operand : ops.get(j).operands().toList()) {
          last.put(operand, chainEnd(i) - 1);
        }
      }
    }
    for (int i = ops.size() - 1; i >= 0; i--) {
      if (local[i]) {
        int used = last.getOrDefault(ops.get(i).writes().getFirst(), i);
        ops.get(i).operands().forEach(operand -> last.merge(operand, used, Math::max));
      }
    }
    return last;
  }

  /** When an operation waits until every worker has finished all earlier ones. */
  public enum Barrier {
    NEVER,
    /** In steps that are too long for local results. */
    UNLESS_LOCAL,
    ALWAYS
  }

  /**
   * Where workers wait: before an operation or chain that reads what another wrote, or writes what
   * another read or wrote, since the last barrier.
   *
   * @param memory what stands for the memory of an activation, since activations share it
   */
  Barrier[] barriers(Map<Operand, ?> memory) {
    boolean[] shared = barriers(memory, false);
    boolean[] few = barriers(memory, true);
    var result = new Barrier[ops.size()];
    for (int i = 0; i < result.length; i++) {
      // Only operations with a row per token know from the batch whether results are local.
      boolean always = few[i] || (shared[i] && ops.get(i).rows() != Rows.TOKENS);
      result[i] = always ? Barrier.ALWAYS : shared[i] ? Barrier.UNLESS_LOCAL : Barrier.NEVER;
    }
    return result;
  }

  /**
   * A place in memory that operations touch.
   *
   * @param memory an activation's memory, or the number of a layer of the cache
   * @param own the local activation of which each worker touches its own rows; else the memory
   */
  private record Place(Object memory, Object own) {
    boolean conflicts(Place other) {
      return memory.equals(other.memory) && !(own instanceof Operand && own.equals(other.own));
    }
  }

  private boolean[] barriers(Map<Operand, ?> memory, boolean few) {
    var result = new boolean[ops.size()];
    List<Place> read = new ArrayList<>();
    List<Place> written = new ArrayList<>();
    for (int i = 0; i < ops.size(); i = chainEnd(i)) {
      List<Place> reads = new ArrayList<>();
      List<Place> writes = new ArrayList<>();
      for (Op op : ops.subList(i, chainEnd(i))) {
        op.reads().forEach(x -> reads.add(place(x, memory, few)));
        op.writes().forEach(x -> writes.add(place(x, memory, few)));
        switch (op) {
          case SequenceOp.KvStore store -> writes.add(layer(store.layer()));
          case SequenceOp.Attention attention -> reads.add(layer(attention.layer()));
          case SequenceOp.Conv conv -> writes.add(rows(conv));
          case SequenceOp.Recurrence recurrence -> writes.add(layer(recurrence.layer()));
          case OpenOp.Scores scores -> reads.add(layer(scores.layer()));
          case OpenOp.Mix mix -> reads.add(layer(mix.layer()));
          case BackwardOp.Query query -> reads.add(layer(query.forward().layer()));
          case BackwardOp.KeyValue keys -> reads.add(layer(keys.forward().layer()));
          default -> {}
        }
      }
      result[i] =
          anyConflict(reads, written) || anyConflict(writes, written) || anyConflict(writes, read);
      if (result[i]) {
        read.clear();
        written.clear();
      }
      read.addAll(reads);
      written.addAll(writes);
    }
    return result;
  }

  /** Convolutions of a recurrent layer have rows of their own. */
  private static Place rows(SequenceOp.Conv conv) {
    Object rows = conv.part() == null ? conv.layer() : List.of(conv.layer(), conv.part());
    return new Place(rows, rows);
  }

  private static Place layer(int layer) {
    return new Place(layer, layer);
  }

  private Place place(Operand operand, Map<Operand, ?> memory, boolean few) {
    Object at = Objects.requireNonNull(memory.get(operand));
    return new Place(at, few && isLocal(operand) ? operand : at);
  }

  private static boolean anyConflict(List<Place> some, List<Place> others) {
    return some.stream().anyMatch(place -> others.stream().anyMatch(place::conflicts));
  }
}
