package dev.vidrio.kernel.gradient;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.OpenOp;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reverse-mode differentiation: goes through the operations from the last to the first, and passes
 * the gradient of what each wrote on to what it read.
 */
final class BackwardPass {
  private final Plan forward;
  private final GradientRules rules;
  private final List<Op> ops;
  private final Recomputation forwards;
  private final Map<Operand, Buffer> gradients = new HashMap<>();
  private final Map<String, Integer> names = new HashMap<>();
  // What depends on the wanted activations; gradients flow nowhere else.
  private final Set<Operand> dependent = new HashSet<>();
  private final Set<Integer> dependentLayers = new HashSet<>();
  private final Map<Integer, Buffer> keys = new HashMap<>();
  private final Map<Integer, Buffer> values = new HashMap<>();

  BackwardPass(Plan forward, Set<Buffer> wanted, GradientRules rules, @Nullable Set<Buffer> kept) {
    this.forward = forward;
    this.rules = rules;
    this.ops = new ArrayList<>(forward.ops());
    this.forwards = new Recomputation(forward, kept, ops);
    for (Buffer buffer : wanted) {
      requireWritten(buffer);
    }
    dependent.addAll(wanted);
    forward.ops().forEach(this::findDependent);
  }

  private void requireWritten(Buffer buffer) {
    if (!forward.buffer(buffer.name()).equals(buffer)) {
      throw new IllegalArgumentException("the plan's activation " + buffer.name() + " is another");
    }
  }

  private void findDependent(Op op) {
    if (readsDependent(op)) {
      dependent.addAll(op.writes());
      if (op instanceof SequenceOp.KvStore store) {
        dependentLayers.add(store.layer());
      }
    }
  }

  private boolean readsDependent(Op op) {
    return op.reads().stream().anyMatch(dependent::contains)
        || (op instanceof SequenceOp.Attention a && dependentLayers.contains(a.layer()));
  }

  /** Begins at an activation. */
  void seed(Buffer x, MemorySegment values) {
    requireWritten(x);
    Buffer gradient = fresh(x);
    ops.add(new BackwardOp.Seed(values, gradient));
    add(x, gradient);
  }

  void run() {
    for (Op op : forward.ops().reversed()) {
      backward(op);
    }
  }

  /** All operations, forward and back. */
  List<Op> ops() {
    return ops;
  }

  /** The gradients with respect to the wanted activations. */
  Map<Buffer, Buffer> gradients(Set<Buffer> wanted) {
    Map<Buffer, Buffer> found = new HashMap<>();
    for (Buffer buffer : wanted) {
      Buffer gradient = gradients.get(buffer);
      if (gradient == null) {
        throw new IllegalArgumentException(
            "no gradient reaches " + buffer.name() + " from the seeds under " + rules);
      }
      found.put(buffer, gradient);
    }
    return found;
  }

  /** An unused name for a gradient with respect to x. */
  private Buffer fresh(Operand x) {
    int count = names.merge(x.name(), 1, Integer::sum);
    String name = x.name() + ".grad" + (count == 1 ? "" : "." + count);
    return new Buffer(name, x.rows(), x.width());
  }

  /** Adds a part of the gradient with respect to x. */
  private void add(Operand x, Buffer part) {
    if (dependent.contains(x)) {
      gradients.put(x, sum(x, gradients.get(x), part));
    }
  }

  private Buffer sum(Operand x, @Nullable Buffer before, Buffer part) {
    if (before == null) {
      return part;
    }
    Buffer sum = fresh(x);
    ops.add(new Op.Add(before, part, sum));
    return sum;
  }

  /** A gradient times a factor of the rules. */
  private Buffer scaled(Operand x, float factor, Buffer gradient) {
    if (factor == 1) {
      return gradient;
    }
    Buffer product = fresh(x);
    ops.add(new Op.Scale(gradient, factor, product));
    return product;
  }

  private void backward(Op op) {
    if (op instanceof SequenceOp.KvStore store) {
      kvStore(store);
      return;
    }
    if (op.writes().isEmpty() || !readsDependent(op)) {
      return;
    }
    Operand y = op instanceof ExpertOp.Route route ? route.weights() : op.writes().getFirst();
    Buffer dy = gradients.get(y);
    if (dy == null) {
      return;
    }
    switch (op) {
      case Op.Norm norm ->
          pass(
              norm.x(),
              dx -> new BackwardOp.Norm(forwards.known(norm), rules.frozenNorms(), dy, dx));
      case Op.Quantize quantize -> add(quantize.x(), dy);
      case Op.MatMul product ->
          pass(product.x(), dx -> new BackwardOp.MatMul(product.weights(), dy, dx));
      case Op.Activation activation -> activation(activation, dy);
      case Op.Add sum -> {
        add(sum.a(), dy);
        add(sum.b(), dy);
      }
      case Op.AddBias sum -> add(sum.a(), dy);
      case Op.Scale scale -> pass(scale.x(), dx -> new Op.Scale(dy, scale.factor(), dx));
      case HookOp.Edit edit ->
          pass(edit.x(), dx -> new HookOp.Edit(dy, edit.edits().derivative(), dx));
      case Op.Gather gather -> pass(gather.x(), dx -> new BackwardOp.Scatter(dy, dx));
      case SequenceOp.Rope rope ->
          pass(rope.x(), dx -> new SequenceOp.Rope(rope.rotation().opposite(), rope.dH(), dy, dx));
      case SequenceOp.Attention attention -> attention(attention, dy);
      case SequenceOp.Conv conv -> pass(conv.x(), dx -> new BackwardOp.Conv(conv, dy, dx));
      case SequenceOp.Recurrence recurrence -> recurrence(recurrence, dy);
      case ExpertOp.Route route ->
          pass(route.logits(), dx -> new BackwardOp.Route(forwards.known(route), dy, dx));
      case ExpertOp.ExpertMatMul product -> expertMatMul(product, dy);
      case ExpertOp.ExpertSum sum -> expertSum(sum, dy);
      case OpenOp.Gain gain -> pass(gain.x(), dx -> new OpenOp.Gain(dy, gain.gain(), null, dx));
      default ->
          throw new IllegalArgumentException(
              "no gradient goes through the operation that writes " + y.name());
    }
  }

  /** Passes a gradient on to x, by the operation that writes it to where it is told. */
  private void pass(Operand x, Function<Buffer, Op> backward) {
    Buffer dx = fresh(x);
    ops.add(backward.apply(dx));
    add(x, dx);
  }

  private void expertMatMul(ExpertOp.ExpertMatMul product, Buffer dy) {
    Buffer dx = fresh(product.x());
    int width = Math.multiplyExact(product.slots(), product.k());
    Buffer slots = new Buffer(dx.name() + ".slots", dx.rows(), width);
    ops.add(
        new BackwardOp.ExpertMatMul(forwards.known(product), dy, product.shared() ? slots : dx));
    if (product.shared()) {
      ops.add(new BackwardOp.SlotSum(product.slots(), slots, dx));
    }
    add(product.x(), dx);
  }

  private void expertSum(ExpertOp.ExpertSum sum, Buffer dy) {
    Buffer dx = fresh(sum.x());
    Buffer dWeights = fresh(sum.weights());
    ops.add(new BackwardOp.ExpertSum(forwards.known(sum), dy, dx, dWeights));
    add(sum.x(), dx);
    add(sum.weights(), dWeights);
  }

  private void activation(Op.Activation op, Buffer whole) {
    Buffer up = op.up();
    Buffer dy = up == null ? whole : scaled(op.y(), rules.gateFactor(), whole);
    Buffer dx = fresh(op.x());
    Op.Activation known = forwards.known(op);
    ops.add(new BackwardOp.Activation(known, rules.slope(), dy, dx));
    add(op.x(), dx);
    if (up != null && dependent.contains(up)) {
      Buffer dUp = fresh(up);
      ops.add(new Op.Activation(op.kind(), known.x(), dy, dUp));
      add(up, dUp);
    }
  }

  /** Keys and values wait for the operation that stored them. */
  private void attention(SequenceOp.Attention op, Buffer dz) {
    Buffer dq = fresh(op.q());
    var statistics =
        new Buffer(
            op.z().name() + ".statistics",
            Rows.TOKENS,
            Math.multiplyExact(op.heads(), BackwardOp.Query.STATISTICS));
    SequenceOp.Attention known = forwards.known(op);
    ops.add(new BackwardOp.Query(known, dz, dq, statistics));
    pass(op.q(), rules.queryKeyFactor(), dq);
    if (dependentLayers.contains(op.layer())) {
      KvShape.KeyValue layer = forward.kv().keyValue(op.layer());
      var k = new Buffer(op.z().name() + ".key", Rows.TOKENS, layer.width());
      var v = new Buffer(op.z().name() + ".value", Rows.TOKENS, layer.valueWidth());
      Buffer dk = fresh(k);
      Buffer dv = fresh(v);
      ops.add(new BackwardOp.KeyValue(known, dz, statistics, dk, dv));
      keys.put(op.layer(), sum(k, keys.get(op.layer()), dk));
      values.put(op.layer(), sum(v, values.get(op.layer()), dv));
    }
  }

  /** Steps and strengths are what a pattern is made of, as queries and keys are. */
  private void recurrence(SequenceOp.Recurrence op, Buffer dz) {
    var news = new Buffer(op.z().name() + ".news", op.z().rows(), op.z().width());
    SequenceOp.Recurrence.Inputs read = op.inputs();
    SequenceOp.Recurrence.Inputs found = read.map(this::fresh);
    ops.add(new BackwardOp.Recurrence(forwards.known(op), dz, news, found));
    pass(read.q(), rules.queryKeyFactor(), found.q());
    pass(read.k(), rules.queryKeyFactor(), found.k());
    pass(read.step(), rules.queryKeyFactor(), found.step());
    pass(read.beta(), rules.queryKeyFactor(), found.beta());
    pass(read.v(), rules.valueFactor(), found.v());
  }

  private void kvStore(SequenceOp.KvStore store) {
    Buffer dk = keys.get(store.layer());
    Buffer dv = values.get(store.layer());
    if (dk != null) {
      pass(store.k(), rules.queryKeyFactor(), dk);
    }
    if (dv != null) {
      pass(store.v(), rules.valueFactor(), dv);
    }
  }

  /** Adds what a rule lets through of an activation's gradient. */
  private void pass(Buffer x, float factor, Buffer dx) {
    if (factor != 0) {
      add(x, scaled(x, factor, dx));
    }
  }
}
