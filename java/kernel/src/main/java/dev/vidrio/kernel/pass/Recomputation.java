package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Provides the backward pass with activations of the forward pass: those that were kept, and others
 * recomputed from these at their first use (gradient checkpointing: Chen et al. 2016, arXiv
 * 1604.06174). Recomputed activations have the same bits, and their memory is reused after their
 * last use. The key-value cache is always kept.
 */
final class Recomputation {
  private final @Nullable Set<Buffer> kept;
  private final List<Op> ops;
  private final Map<Operand, Op> writers = new HashMap<>();
  private final Map<Operand, Operand> recomputed = new HashMap<>();

  /**
   * @param kept activations that need not be recomputed, or null for all
   * @param ops receives the operations that recompute
   */
  Recomputation(Plan forward, @Nullable Set<Buffer> kept, List<Op> ops) {
    this.kept = kept;
    this.ops = ops;
    for (Op op : forward.ops()) {
      op.writes().forEach(y -> writers.put(y, op));
    }
  }

  /** Returns an activation with the values of x, which it recomputes if necessary. */
  private Operand value(Operand x) {
    if (kept == null || (x instanceof Buffer buffer && kept.contains(buffer))) {
      return x;
    }
    if (!recomputed.containsKey(x)) {
      Op writer = Objects.requireNonNull(writers.get(x));
      Op op = writer.withOperands(y -> again(writer, y));
      for (Operand y : writer.writes()) {
        recomputed.put(y, renamed(y));
      }
      ops.add(op);
    }
    return Objects.requireNonNull(recomputed.get(x));
  }

  /** Returns the operand of a repeated operation, which may contain others that it does not use. */
  private Operand again(Op writer, Operand x) {
    if (writer.writes().contains(x)) {
      return renamed(x);
    }
    return writer.reads().contains(x) ? value(x) : x;
  }

  private static Operand renamed(Operand y) {
    return y.like(y.name() + ".again");
  }

  /** Returns an operation over available inputs. */
  <T extends Op> T available(T op) {
    return over(op, x -> op.writes().contains(x) ? x : value(x));
  }

  /** Returns a router over available inputs and results, since its gradient reads both. */
  ExpertOp.Route available(ExpertOp.Route op) {
    return over(op, this::value);
  }

  /** Returns a product over available routes; its gradient does not read x. */
  ExpertOp.ExpertMatMul available(ExpertOp.ExpertMatMul op) {
    return over(op, x -> x.equals(op.experts()) ? value(x) : x);
  }

  @SuppressWarnings("unchecked") // operations are rebuilt as their own kind
  private static <T extends Op> T over(T op, UnaryOperator<Operand> to) {
    return (T) op.withOperands(to);
  }
}
