package dev.vidrio.kernel;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A model as a list of operations over named activations. Each activation is written once, before
 * it is read. A plan describes; an {@link Executor} runs it.
 *
 * @param ops the operations in order
 * @param kv shape of the key-value cache that its attention uses
 * @param outputs activations that keep their values until the next step
 * @param hooks the activation at each hook point; for a point within an operation (the scores and
 *     the pattern of attention, the scale and the normalized value of a norm), the output of that
 *     operation
 */
public record Plan(List<Op> ops, KvShape kv, Set<Buffer> outputs, Map<HookPoint, Buffer> hooks) {
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
    boolean fits =
        switch (op) {
          case SequenceOp.KvStore store -> stores(store.layer(), store.k(), store.v(), kv);
          case SequenceOp.Attention a -> fits(a, kv);
          case SequenceOp.Conv c -> convolves(c, kv);
          case SequenceOp.Recurrence r -> recurs(r, kv);
          case OpenOp.Scores s ->
              fits(s.layer(), s.heads(), kv)
                  && s.q().width() == s.heads() * kv.keyValue(s.layer()).dH();
          case OpenOp.Mix m ->
              fits(m.layer(), m.heads(), kv)
                  && m.z().width() == m.heads() * kv.keyValue(m.layer()).dV();
          case BackwardOp.Conv c -> convolves(c.forward(), kv);
          case BackwardOp.Recurrence r -> recurs(r.forward(), kv);
          case BackwardOp.Query query -> fits(query.forward(), kv);
          case BackwardOp.KeyValue keys ->
              fits(keys.forward(), kv) && stores(keys.forward().layer(), keys.dk(), keys.dv(), kv);
          default -> true;
        };
    if (!fits) {
      throw new IllegalArgumentException(op + " does not fit the key-value cache " + kv);
    }
  }

  private static boolean stores(int layer, Buffer keys, Buffer values, KvShape kv) {
    return kv.hasKeys(layer)
        && keys.width() == kv.keyValue(layer).width()
        && values.width() == kv.keyValue(layer).valueWidth();
  }

  private static boolean convolves(SequenceOp.Conv c, KvShape kv) {
    return c.layer() < kv.layers().size()
        && switch (kv.layers().get(c.layer())) {
          case KvShape.Conv(int width) -> c.part() == null && width == c.x().width();
          case KvShape.Recurrent r ->
              c.part() != null && r.width(c.part()) == c.x().width() && r.taps() == c.length();
          case KvShape.KeyValue ignored -> false;
        };
  }

  private static boolean recurs(SequenceOp.Recurrence op, KvShape kv) {
    return op.layer() < kv.layers().size()
        && kv.layers().get(op.layer()) instanceof KvShape.Recurrent r
        && op.inputs().q().width() == r.width(SequenceOp.Part.QUERY)
        && op.inputs().v().width() == r.width(SequenceOp.Part.VALUE)
        && op.inputs().step().width() == r.heads();
  }

  private static boolean fits(SequenceOp.Attention a, KvShape kv) {
    return fits(a.layer(), a.heads(), kv)
        && a.q().width() == a.heads() * kv.keyValue(a.layer()).dH()
        && a.z().width() == a.heads() * kv.keyValue(a.layer()).dV();
  }

  private static boolean fits(int layer, int heads, KvShape kv) {
    return kv.hasKeys(layer) && heads % kv.keyValue(layer).heads() == 0;
  }

  /** Positions that its operations have room for, where they do not depend on the limits. */
  public int positions() {
    int positions = Integer.MAX_VALUE;
    for (Op op : ops) {
      positions =
          switch (op) {
            case OpenOp.Scores s -> Math.min(positions, s.positions());
            case OpenOp.Softmax s -> Math.min(positions, s.positions());
            case OpenOp.Mix m -> Math.min(positions, m.positions());
            default -> positions;
          };
    }
    return positions;
  }

  /** The same plan with an operation at its end, all of whose results are outputs. */
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

  /** The activation of this name. */
  public Buffer buffer(String name) {
    for (Op op : ops) {
      for (Operand operand : op.writes()) {
        if (operand instanceof Buffer buffer && buffer.name().equals(name)) {
          return buffer;
        }
      }
    }
    throw new IllegalArgumentException("the plan has no activation " + name);
  }

  /** The same with products that may leave the promise of equal bits for speed. */
  public Plan fast() {
    return withOps(ops.stream().map(Plan::fast).toList());
  }

  private static Op fast(Op op) {
    return op instanceof Op.MatMul(Weights weights, Operand x, Buffer y, boolean ignored)
        ? new Op.MatMul(weights, x, y, true)
        : op;
  }

  /** Whether a product of it may leave the promise of equal bits. */
  public boolean isFast() {
    return ops.stream().anyMatch(op -> op instanceof Op.MatMul product && product.fast());
  }

  /** All rotations that its operations use. */
  public Set<Rotation> rotations() {
    Set<Rotation> rotations = new HashSet<>();
    for (Op op : ops) {
      if (op instanceof SequenceOp.Rope rope) {
        rotations.add(rope.rotation());
      }
    }
    return rotations;
  }
}
