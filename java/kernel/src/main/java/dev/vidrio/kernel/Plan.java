package dev.vidrio.kernel;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A model as a list of operations over named activations: what is computed, without how. {@link
 * PlanBuilder} writes it, passes ({@link dev.vidrio.kernel.pass.PlanPass}) rewrite it, and an
 * {@link Executor} runs it.
 *
 * <p>A step runs the plan once for a {@link Batch} of tokens of one or more sequences. Activations
 * have a row per token, [n, width], or a row per token with requested logits, and live for one
 * step; keys, values and states of earlier steps are in the {@link KvCache}. Each activation is
 * written exactly once, before it is read, so that its name identifies its value: names are the
 * hook points at which activations can be captured and edited.
 *
 * <p>A plan is immutable and may be shared among threads; it refers to the memory of its weights
 * but does not own it. The constructor checks the order of reads and writes and that operations
 * match the shape of the cache; the operations check the shapes of their own operands.
 *
 * @param ops the operations in order
 * @param kv the shape of the key-value cache that attention, convolutions and recurrences use
 * @param outputs activations that keep their values until the next step; the memory of others is
 *     reused as soon as they have been read
 * @param hooks the activation at each hook point; for a point within an operation (the scores and
 *     the pattern of attention, the scale and the normalized value of a norm), the output of that
 *     operation
 * @see "docs/adr/002-plan-and-executor.md"
 */
public record Plan(List<Op> ops, KvShape kv, Set<Buffer> outputs, Map<HookPoint, Buffer> hooks) {
  /**
   * Creates a plan.
   *
   * @throws IllegalArgumentException if an activation is read before it is written, or written
   *     twice, if an output or a hook point is never written, or if an operation does not match the
   *     cache
   */
  public Plan {
    ops = List.copyOf(ops);
    outputs = Set.copyOf(outputs);
    hooks = Map.copyOf(hooks);
    Map<String, Operand> written = new HashMap<>();
    for (Op op : ops) {
      checkCache(op, kv);
      for (Operand operand : op.reads()) {
        if (!operand.equals(written.get(operand.name()))) {
          throw new IllegalArgumentException(operand.name() + " is read before it is written");
        }
      }
      for (Operand operand : op.writes()) {
        if (written.put(operand.name(), operand) != null) {
          throw new IllegalArgumentException(operand.name() + " is written twice");
        }
      }
    }
    for (Buffer output : outputs) {
      if (!output.equals(written.get(output.name()))) {
        throw new IllegalArgumentException("output " + output.name() + " is never written");
      }
    }
    hooks.forEach(
        (point, buffer) -> {
          if (!buffer.equals(written.get(buffer.name()))) {
            throw new IllegalArgumentException(
                "hook point " + point + ": " + buffer.name() + " is never written");
          }
        });
  }

  /** Creates a plan without hook points. */
  public Plan(List<Op> ops, KvShape kv, Set<Buffer> outputs) {
    this(ops, kv, outputs, Map.of());
  }

  /** Returns a plan of other operations, which still write all outputs and hook points. */
  public Plan withOps(List<Op> newOps) {
    return new Plan(newOps, kv, outputs, hooks);
  }

  private static void checkCache(Op op, KvShape kv) {
    for (Access.OfCache access : op.cacheAccesses()) {
      if (!kv.supports(access)) {
        throw new IllegalArgumentException(op + " does not fit the key-value cache " + kv);
      }
    }
  }

  /**
   * Returns the number of positions that the operations have room for, or {@link Integer#MAX_VALUE}
   * if only the limits bound it.
   */
  public int positions() {
    return ops.stream().mapToInt(Op::positions).min().orElse(Integer.MAX_VALUE);
  }

  /** Returns the number of token types that it has embeddings of, or 0 if it reads no types. */
  public int types() {
    int types =
        ops.stream()
            .mapToInt(op -> op instanceof Op.Embed embed ? embed.types() : Integer.MAX_VALUE)
            .min()
            .orElse(Integer.MAX_VALUE);
    return types == Integer.MAX_VALUE ? 0 : types;
  }

  /** Returns this plan with an operation appended. All results of the operation are outputs. */
  public Plan then(Op op) {
    List<Op> more = new ArrayList<>(ops);
    more.add(op);
    Set<Buffer> all = new HashSet<>(outputs);
    for (Operand operand : op.writes()) {
      if (operand instanceof Buffer buffer) {
        all.add(buffer);
      }
    }
    return new Plan(more, kv, all, hooks);
  }

  /**
   * Returns the activation of this name.
   *
   * @throws IllegalArgumentException if the plan has none
   */
  public Buffer buffer(String name) {
    for (Op op : ops) {
      for (Operand operand : op.writes()) {
        if (operand instanceof Buffer buffer && buffer.name().equals(name)) {
          return buffer;
        }
      }
    }
    throw new IllegalArgumentException("activation " + name + " not found in the plan");
  }

  /**
   * Returns this plan with all products of the forward pass in an arithmetic. In {@link
   * Arithmetic#BF16}, products read the activations that {@link Arithmetic#INT8} quantizes.
   *
   * @throws IllegalArgumentException if a plan in bf16 is to be converted back to int8
   */
  public Plan in(Arithmetic arithmetic) {
    return switch (arithmetic) {
      case INT8 -> {
        if (ops.stream().anyMatch(Plan::isBf16)) {
          throw new IllegalArgumentException("a plan in bf16 has no quantized activations");
        }
        yield this;
      }
      case BF16 -> withOps(inBf16());
    };
  }

  private static boolean isBf16(Op op) {
    return switch (op) {
      case Op.MatMul product -> product.arithmetic() == Arithmetic.BF16;
      case ExpertOp.ExpertMatMul product -> product.arithmetic() == Arithmetic.BF16;
      default -> false;
    };
  }

  private List<Op> inBf16() {
    Map<Operand, Operand> sources = new HashMap<>();
    List<Op> result = new ArrayList<>();
    for (Op op : ops) {
      switch (op) {
        case Op.Quantize quantize -> sources.put(quantize.y(), quantize.x());
        case Op.MatMul product ->
            result.add(
                new Op.MatMul(
                    product.weights(),
                    sources.getOrDefault(product.x(), product.x()),
                    product.y(),
                    Arithmetic.BF16));
        case ExpertOp.ExpertMatMul product ->
            result.add(
                new ExpertOp.ExpertMatMul(
                    product.matrices(),
                    product.bias(),
                    product.experts(),
                    sources.getOrDefault(product.x(), product.x()),
                    product.y(),
                    Arithmetic.BF16));
        default -> result.add(op);
      }
    }
    return result;
  }

  /** Returns all rotations that the operations use. */
  public Set<Rotation> rotations() {
    return ops.stream()
        .filter(SequenceOp.Rope.class::isInstance)
        .map(op -> ((SequenceOp.Rope) op).rotation())
        .collect(Collectors.toSet());
  }
}
