package dev.vidrio.kernel.gradient;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Substitution;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Gives the way back the activations of the way forward: those that were kept, and others computed
 * again from these when they are first asked for (Chen et al. 2016, arXiv 1604.06174). What was
 * computed again has the same bits, and leaves its memory after its last use. The key-value cache
 * is always kept.
 */
final class Recomputation {
  private final @Nullable Set<Buffer> kept;
  private final List<Op> ops;
  private final Map<Operand, Op> writers = new HashMap<>();
  private final Map<Operand, Operand> again = new HashMap<>();

  /**
   * @param kept activations that need not be computed again; null for all
   * @param ops receives the operations
   */
  Recomputation(Plan forward, @Nullable Set<Buffer> kept, List<Op> ops) {
    this.kept = kept;
    this.ops = ops;
    for (Op op : forward.ops()) {
      op.writes().forEach(y -> writers.put(y, op));
    }
  }

  /** An activation with the values of x. */
  Buffer value(Buffer x) {
    return (Buffer) value((Operand) x);
  }

  private Operand value(Operand x) {
    if (kept == null || (x instanceof Buffer buffer && kept.contains(buffer))) {
      return x;
    }
    if (!again.containsKey(x)) {
      Op writer = Objects.requireNonNull(writers.get(x));
      Op op = Substitution.of(writer, y -> writer.writes().contains(y) ? renamed(y) : value(y));
      for (Operand y : writer.writes()) {
        again.put(y, renamed(y));
      }
      ops.add(op);
    }
    return Objects.requireNonNull(again.get(x));
  }

  private static Operand renamed(Operand y) {
    return y.like(y.name() + ".again");
  }

  /** An operation over activations that are there. */
  <T extends Op> T known(T op) {
    return Substitution.of(op, x -> op.writes().contains(x) ? x : value(x));
  }

  /** The operation with results that are there. */
  ExpertOp.Route known(ExpertOp.Route op) {
    return Substitution.of(op, this::value);
  }

  /** The operation over routes that are there. */
  ExpertOp.ExpertMatMul known(ExpertOp.ExpertMatMul op) {
    return Substitution.of(op, x -> x.equals(op.experts()) ? value(x) : x);
  }
}
