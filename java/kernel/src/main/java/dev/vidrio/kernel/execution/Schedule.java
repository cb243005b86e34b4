package dev.vidrio.kernel.execution;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.Access.Mode;
import dev.vidrio.kernel.op.Access.Replication;
import dev.vidrio.kernel.op.Access.Scope;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The assignment of a plan's operations to workers such that they rarely wait for each other. It
 * determines which worker computes what and when, but no bit of any activation, so taps need no
 * exceptions. All decisions follow from the accesses that operations declare.
 *
 * <ul>
 *   <li>The elementwise operations after a matrix product form its <i>epilogue</i>: a tile of the
 *       product passes through all of them while it is in the cache. Further products with the same
 *       input shape may be part of it.
 *   <li>Norms, gains and quantizations are <i>replicated</i> if only products and taps read their
 *       results: in steps of a few tokens each worker computes them for itself.
 * </ul>
 *
 * @see "docs/adr/006-fusion.md"
 */
public final class Schedule {
  /** The maximum number of operations of an epilogue; {@code VD_EPILOGUE_MAX}. */
  private static final int MAX_EPILOGUE = 16;

  private final List<Op> ops;
  private final boolean[] epilogue;
  private final boolean[] replicated;
  private final Set<Operand> replicatedOperands = new HashSet<>();

  private Schedule(Plan plan) {
    this.ops = plan.ops();
    this.epilogue = new boolean[ops.size()];
    this.replicated = new boolean[ops.size()];
  }

  /** Returns a schedule that runs every operation separately, divided among all workers. */
  public static Schedule plain(Plan plan) {
    return new Schedule(plan);
  }

  /** Returns a schedule with epilogues and replicated operations wherever they are possible. */
  public static Schedule fused(Plan plan) {
    var schedule = new Schedule(plan);
    schedule.findEpilogues();
    schedule.findReplicated();
    return schedule;
  }

  /** Returns whether operation i belongs to the epilogue of the product before it. */
  public boolean isEpilogue(int i) {
    return epilogue[i];
  }

  /** Returns whether each worker computes operation i for itself in steps of a few tokens. */
  public boolean isReplicated(int i) {
    return replicated[i];
  }

  /** Returns whether a replicated operation writes the operand. */
  public boolean isReplicated(Operand operand) {
    return replicatedOperands.contains(operand);
  }

  /** Returns the index after the operation i and its epilogue. */
  int groupEnd(int i) {
    int end = i + 1;
    while (end < ops.size() && epilogue[end]) {
      end++;
    }
    return end;
  }

  private void findEpilogues() {
    for (int head = 0; head < ops.size(); head = groupEnd(head)) {
      if (ops.get(head) instanceof Op.MatMul product) {
        Set<Operand> written = new HashSet<>(product.writes());
        for (int i = head + 1; i < ops.size() && i - head <= MAX_EPILOGUE; i++) {
          if (!fitsEpilogue(product, ops.get(i), written)) {
            break;
          }
          epilogue[i] = true;
          written.addAll(ops.get(i).writes());
        }
      }
    }
  }

  /**
   * Returns whether an operation may continue the epilogue of a product.
   *
   * @param written the operands that the product and its epilogue have written so far
   */
  private static boolean fitsEpilogue(Op.MatMul head, Op op, Set<Operand> written) {
    boolean fits =
        op instanceof Op.MatMul product
            ? sharesTiles(head, product, written)
            : isElementwise(op, written);
    return fits && op.primaryOperand().width() == head.y().width() && op.rows() == head.rows();
  }

  /**
   * Returns whether a product may run tile by tile with the first one. It reads whole rows, so its
   * input must not come from the epilogue, and tiles are cut by the type and K of the first one.
   */
  private static boolean sharesTiles(Op.MatMul head, Op.MatMul product, Set<Operand> written) {
    return !written.contains(product.x())
        && product.weights().type() == head.weights().type()
        && product.weights().k() == head.weights().k();
  }

  /** Returns whether an operation reads the epilogue, and that element by element. */
  private static boolean isElementwise(Op op, Set<Operand> written) {
    boolean reads = op.writes().isEmpty(); // Taps fit even where they read another activation.
    for (Access.OfOperand access : op.operandAccesses()) {
      boolean fromEpilogue = access.mode() == Mode.READ && written.contains(access.operand());
      boolean ofTile = access.scope() == Scope.ELEMENT;
      if (!ofTile && (fromEpilogue || access.mode() == Mode.WRITE || op.writes().isEmpty())) {
        return false;
      }
      reads |= fromEpilogue;
    }
    return reads;
  }

  /** Decides from the last operation to the first, since it depends on the readers of a result. */
  private void findReplicated() {
    Map<Operand, Boolean> suitable = new HashMap<>();
    for (int i = ops.size() - 1; i >= 0; i--) {
      Op op = ops.get(i);
      replicated[i] =
          canReplicate(op)
              && !epilogue[i]
              && op.rows() == Rows.TOKENS
              && op.writes().stream().allMatch(y -> suitable.getOrDefault(y, true));
      if (replicated[i]) {
        replicatedOperands.addAll(op.writes());
      }
      for (Access.OfOperand access : op.operandAccesses()) {
        if (access.mode() == Mode.READ) {
          boolean suits =
              access.replication() == Replication.ALWAYS
                  || (access.replication() == Replication.WITH_RESULT && replicated[i]);
          suitable.merge(access.operand(), suits, Boolean::logicalAnd);
        }
      }
    }
  }

  private static boolean canReplicate(Op op) {
    return !op.writes().isEmpty()
        && op.operandAccesses().stream()
            .filter(access -> access.mode() == Mode.WRITE)
            .allMatch(access -> access.replication() == Replication.ALWAYS);
  }

  /**
   * Returns the last operation during which each activation is needed. A product and its epilogue
   * need all their operands until they end. The operands of replicated operations are needed until
   * the results are used, so that no worker overwrites what another one still reads.
   */
  Map<Operand, Integer> lastUses() {
    Map<Operand, Integer> last = new LinkedHashMap<>();
    for (int i = 0; i < ops.size(); i = groupEnd(i)) {
      for (int j = i; j < groupEnd(i); j++) {
        for (Operand operand : ops.get(j).operands().toList()) {
          last.put(operand, groupEnd(i) - 1);
        }
      }
    }
    for (int i = ops.size() - 1; i >= 0; i--) {
      if (replicated[i]) {
        int used = last.getOrDefault(ops.get(i).writes().getFirst(), i);
        ops.get(i).operands().forEach(operand -> last.merge(operand, used, Math::max));
      }
    }
    return last;
  }

  /**
   * The condition under which workers wait, before an operation, for all to finish earlier ones.
   */
  public enum Barrier {
    NEVER,
    /** In steps that are too long for replicated operations. */
    UNLESS_REPLICATED,
    ALWAYS
  }

  /**
   * Returns the barrier before each operation: workers wait before an operation with its epilogue
   * that reads what another worker may have written, or writes what another may have read or
   * written, since the last barrier.
   *
   * @param memory a key for the memory of each activation, which activations may share
   */
  Barrier[] barriers(Map<Operand, ?> memory) {
    boolean[] divided = barriers(memory, false);
    boolean[] few = barriers(memory, true);
    var result = new Barrier[ops.size()];
    for (int i = 0; i < result.length; i++) {
      // Only operations with a row per token can tell from the batch whether results are
      // replicated.
      boolean always = few[i] || (divided[i] && ops.get(i).rows() != Rows.TOKENS);
      result[i] = always ? Barrier.ALWAYS : divided[i] ? Barrier.UNLESS_REPLICATED : Barrier.NEVER;
    }
    return result;
  }

  /**
   * Memory that operations access.
   *
   * @param memory a key for the memory of an activation or of a part of the cache
   * @param own the activation if it is replicated, so that each worker accesses its own copy; else
   *     the key
   */
  private record Location(Object memory, Object own) {
    boolean conflicts(Location other) {
      return memory.equals(other.memory) && !(own instanceof Operand && own.equals(other.own));
    }
  }

  private boolean[] barriers(Map<Operand, ?> memory, boolean few) {
    var result = new boolean[ops.size()];
    List<Location> read = new ArrayList<>();
    List<Location> written = new ArrayList<>();
    for (int i = 0; i < ops.size(); i = groupEnd(i)) {
      List<Location> reads = new ArrayList<>();
      List<Location> writes = new ArrayList<>();
      for (Op op : ops.subList(i, groupEnd(i))) {
        for (Access.OfOperand access : op.operandAccesses()) {
          Location location = location(access.operand(), memory, few);
          (access.mode() == Mode.READ ? reads : writes).add(location);
        }
        for (Access.OfCache access : op.cacheAccesses()) {
          if (access.mode() != Mode.SHAPE) {
            var location = new Location(access.memory(), access.memory());
            (access.mode() == Mode.READ ? reads : writes).add(location);
          }
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

  private Location location(Operand operand, Map<Operand, ?> memory, boolean few) {
    Object key = Objects.requireNonNull(memory.get(operand));
    return new Location(key, few && isReplicated(operand) ? operand : key);
  }

  private static boolean anyConflict(List<Location> some, List<Location> others) {
    return some.stream().anyMatch(one -> others.stream().anyMatch(one::conflicts));
  }
}
