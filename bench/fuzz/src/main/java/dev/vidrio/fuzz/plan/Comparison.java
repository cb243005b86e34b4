package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.UnfusedOp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Compares results with those of a reference that kept every activation. Bits must be equal unless
 * they depend on an infinity or a NaN (docs/numerics.md), which is derived from the reference and
 * the accesses that operations declare.
 */
final class Comparison {
  private final CaseRunner.Results reference;
  private final Plan plan;

  /** The activations that may differ, per step. */
  private final List<Set<Operand>> excluded = new ArrayList<>();

  /** Results of down-projections, by the operations that write only a part of them. */
  private final Map<Operand, LowRankOp.Down> unwritten = new HashMap<>();

  private final Set<Object> excludedMemory = new HashSet<>();
  private boolean tapsExcluded;

  /**
   * @param plan a plan in which all activations are outputs
   */
  Comparison(Plan plan, CaseRunner.Results reference) {
    this.plan = plan;
    this.reference = reference;
    for (Map<Buffer, int[]> outputs : reference.outputs()) {
      Set<Operand> found = new HashSet<>();
      Set<Operand> masked = new HashSet<>();
      plan.ops().forEach(op -> exclude(op, outputs, found, masked));
      excluded.add(found);
    }
  }

  /**
   * Excludes the results of an operation if they depend on an infinity, a NaN or unwritten memory.
   *
   * @param found the activations of the step that are excluded
   * @param masked its scores that are compared although some are −infinity
   */
  private void exclude(Op op, Map<Buffer, int[]> outputs, Set<Operand> found, Set<Operand> masked) {
    boolean depends = op.reads().stream().anyMatch(found::contains) || readsUnwritten(op);
    for (Access.OfCache access : op.cacheAccesses()) {
      depends |= access.mode() != Access.Mode.SHAPE && excludedMemory.contains(access.memory());
      depends |=
          access.mode() == Access.Mode.WRITE && op.reads().stream().anyMatch(masked::contains);
    }
    for (Operand y : op.writes()) {
      int[] bits = y instanceof Buffer buffer ? outputs.get(buffer) : null;
      depends |= bits != null && !isFinite(bits, op instanceof UnfusedOp.Scores);
      if (op instanceof UnfusedOp.Scores && bits != null && !isFinite(bits, false)) {
        masked.add(y);
      }
    }
    if (op instanceof LowRankOp.Down down) {
      unwritten.put(down.t(), down);
    }
    if (depends) {
      found.addAll(op.writes());
      tapsExcluded |= op instanceof HookOp;
      for (Access.OfCache access : op.cacheAccesses()) {
        if (access.mode() == Access.Mode.WRITE) {
          excludedMemory.add(access.memory());
        }
      }
    }
  }

  /**
   * Returns whether an operation reads elements beyond the rank of an adapter, which its
   * down-projection leaves unwritten.
   */
  private boolean readsUnwritten(Op op) {
    for (Operand x : op.reads()) {
      LowRankOp.Down down = unwritten.get(x);
      if (down != null && !(op instanceof LowRankOp.Up up && isOf(up, down))) {
        return true;
      }
    }
    return false;
  }

  private static boolean isOf(LowRankOp.Up up, LowRankOp.Down down) {
    return up.table() == down.table() && up.matrix() == down.matrix() && !up.x().equals(down.t());
  }

  /** Returns whether all floats are finite, or −infinity if that is allowed. */
  private static boolean isFinite(int[] bits, boolean negativeInfinity) {
    int exponent = 0x7f80_0000;
    for (int each : bits) {
      if ((each & exponent) == exponent
          && !(negativeInfinity && each == Float.floatToRawIntBits(Float.NEGATIVE_INFINITY))) {
        return false;
      }
    }
    return true;
  }

  /** Returns the share of activations that are compared. */
  double compared() {
    long all = (long) excluded.size() * reference.outputs().getFirst().size();
    long without =
        excluded.stream()
            .mapToLong(each -> each.stream().filter(Buffer.class::isInstance).count())
            .sum();
    return 1 - without / (double) Math.max(1, all);
  }

  /** Returns a description of the first difference, or null. */
  @Nullable String difference(CaseRunner.Results actual) {
    for (int step = 0; step < actual.outputs().size(); step++) {
      Map<Buffer, int[]> expected = reference.outputs().get(step);
      Map<Buffer, int[]> others = actual.outputs().get(step);
      for (Op op : plan.ops()) {
        for (Operand y : op.writes()) {
          if (y instanceof Buffer buffer
              && others.containsKey(buffer)
              && !unwritten.containsKey(y)
              && !excluded.get(step).contains(y)) {
            int[] one = Objects.requireNonNull(expected.get(buffer));
            int[] other = Objects.requireNonNull(others.get(buffer));
            int at = Arrays.mismatch(one, other);
            if (at >= 0) {
              return described(op, step, buffer, one[at], other[at], at);
            }
          }
        }
      }
    }
    if (!tapsExcluded && !equal(reference.written(), actual.written())) {
      return "the memory of taps or statistics differs";
    }
    if (excludedMemory.isEmpty() && !equal(reference.cache(), actual.cache())) {
      return "the cache differs";
    }
    return null;
  }

  private static String described(Op op, int step, Buffer y, int expected, int actual, int at) {
    return "step %d, row %d, column %d of %s (%s): %s (%08x) became %s (%08x)"
        .formatted(
            step,
            at / y.width(),
            at % y.width(),
            y.name(),
            op.getClass().getSimpleName(),
            Float.intBitsToFloat(expected),
            expected,
            Float.intBitsToFloat(actual),
            actual);
  }

  private static boolean equal(List<byte[]> some, List<byte[]> others) {
    for (int i = 0; i < some.size(); i++) {
      if (!Arrays.equals(some.get(i), others.get(i))) {
        return false;
      }
    }
    return some.size() == others.size();
  }
}
