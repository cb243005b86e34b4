package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Access;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.op.UnfusedOp;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reverse-mode differentiation: appends to a plan the operations that compute the gradient of a
 * scalar with respect to activations. It walks the operations from the last to the first and passes
 * the gradient of each result on to the inputs; {@code Walk.backward} is the one table of
 * vector-Jacobian products. Gradients flow only through operations that depend on a wanted
 * activation, by the accesses that operations declare.
 *
 * @param seeds the direct arguments of the scalar, each with memory for its gradient [capacity of
 *     rows, width], which the caller fills between the two parts of a step
 * @param wanted the activations for which gradients are computed
 * @param rules modifications of the gradient
 * @param constants the activations that count as constants: the gradient with respect to one of
 *     them is computed, but not passed on to what it depends on
 * @param checkpoints the activations that the backward pass does not recompute, in addition to the
 *     seeds and the outputs of the plan; null if it recomputes none
 */
public record Differentiation(
    Map<Buffer, MemorySegment> seeds,
    Set<Buffer> wanted,
    GradientRules rules,
    Set<Buffer> constants,
    @Nullable Set<Buffer> checkpoints)
    implements PlanPass {

  /** Creates a differentiation that keeps all activations of the forward pass. */
  public Differentiation(
      Map<Buffer, MemorySegment> seeds, Set<Buffer> wanted, GradientRules rules) {
    this(seeds, wanted, rules, Set.of(), null);
  }

  /** Returns a differentiation in which some activations count as constants. */
  public Differentiation withConstants(Set<Buffer> newConstants) {
    return new Differentiation(seeds, wanted, rules, newConstants, checkpoints);
  }

  /**
   * Returns a differentiation that needs less memory: the backward pass recomputes activations from
   * checkpoints. With the residual stream before each layer as checkpoints, that costs a second
   * forward pass and the memory of one layer.
   */
  public Differentiation recomputing(Set<Buffer> newCheckpoints) {
    return new Differentiation(seeds, wanted, rules, constants, newCheckpoints);
  }

  @Override
  public Plan apply(Plan forward) {
    return differentiate(forward).plan();
  }

  /**
   * Returns the plan with the backward pass, and where it leaves the gradients.
   *
   * @throws IllegalArgumentException if an activation is not in the plan, or no gradient reaches it
   *     from the seeds under the rules
   */
  public Gradient differentiate(Plan forward) {
    Walk walk = walk(forward);
    Map<Buffer, Buffer> gradients = walk.gradients(wanted);
    Set<Buffer> outputs = new LinkedHashSet<>(forward.outputs());
    outputs.addAll(gradients.values());
    var plan = new Plan(walk.ops, forward.kv(), outputs);
    return new Gradient(plan, forward.ops().size(), gradients);
  }

  /** Returns the activations that the gradient reaches from the seeds. */
  public Set<Buffer> reached(Plan forward) {
    Set<Buffer> reached = new LinkedHashSet<>();
    for (Operand operand : walk(forward).gradients.keySet()) {
      if (operand instanceof Buffer buffer) {
        reached.add(buffer);
      }
    }
    return reached;
  }

  private Walk walk(Plan forward) {
    Set<Buffer> kept = null;
    if (checkpoints != null) {
      kept = new HashSet<>(checkpoints);
      kept.addAll(forward.outputs());
      kept.addAll(seeds.keySet());
    }
    var walk = new Walk(forward, wanted, rules, constants, kept);
    seeds.forEach(walk::seed);
    walk.run();
    return walk;
  }

  /** The walk from the last operation to the first. */
  private static final class Walk {
    private final Plan forward;
    private final GradientRules rules;
    private final Set<Buffer> constants;
    private final List<Op> ops;
    private final Recomputation forwards;
    private final Map<Operand, Buffer> gradients = new HashMap<>();
    private final Map<String, Integer> names = new HashMap<>();
    // Operands and cache memory that depend on wanted activations; gradients flow nowhere else.
    private final Set<Operand> dependent = new HashSet<>();
    private final Set<Object> dependentMemory = new HashSet<>();
    // Gradients of keys and values by layer, until the operation that stored them.
    private final Map<Integer, Buffer> keys = new HashMap<>();
    private final Map<Integer, Buffer> values = new HashMap<>();

    Walk(
        Plan forward,
        Set<Buffer> wanted,
        GradientRules rules,
        Set<Buffer> constants,
        @Nullable Set<Buffer> kept) {
      this.forward = forward;
      this.rules = rules;
      this.constants = constants;
      this.ops = new ArrayList<>(forward.ops());
      this.forwards = new Recomputation(forward, kept, ops);
      for (Buffer buffer : wanted) {
        requireWritten(buffer);
      }
      dependent.addAll(wanted);
      forward.ops().forEach(this::findDependent);
    }

    private void requireWritten(Buffer buffer) {
      Buffer found = forward.buffer(buffer.name());
      if (!found.equals(buffer)) {
        throw new IllegalArgumentException(buffer + " is not in the plan, which has " + found);
      }
    }

    private void findDependent(Op op) {
      if (readsDependent(op)) {
        dependent.addAll(op.writes());
        for (Access.OfCache access : op.cacheAccesses()) {
          if (access.mode() == Access.Mode.WRITE) {
            dependentMemory.add(access.memory());
          }
        }
      }
    }

    private boolean readsDependent(Op op) {
      return op.reads().stream().anyMatch(dependent::contains) || readsDependentMemory(op);
    }

    private boolean readsDependentMemory(Op op) {
      return op.cacheAccesses().stream()
          .filter(access -> access.mode() == Access.Mode.READ)
          .anyMatch(access -> dependentMemory.contains(access.memory()));
    }

    /** Starts the gradient at an activation. */
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

    /** Returns the gradients with respect to the wanted activations. */
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

    /** Returns a buffer with an unused name for a gradient with respect to x. */
    private Buffer fresh(Operand x) {
      int count = names.merge(x.name(), 1, Integer::sum);
      String name = x.name() + ".grad" + (count == 1 ? "" : "." + count);
      return new Buffer(name, x.rows(), x.width());
    }

    /** Adds a term to the gradient with respect to x. */
    private void add(Operand x, Buffer term) {
      if (dependent.contains(x)) {
        gradients.put(x, sum(x, gradients.get(x), term));
      }
    }

    private Buffer sum(Operand x, @Nullable Buffer before, Buffer term) {
      if (before == null) {
        return term;
      }
      Buffer sum = fresh(x);
      ops.add(new Op.Add(before, term, sum));
      return sum;
    }

    /** Returns a gradient times a factor of the rules. */
    private Buffer scaled(Operand x, float factor, Buffer gradient) {
      if (factor == 1) {
        return gradient;
      }
      Buffer product = fresh(x);
      ops.add(new Op.Scale(gradient, factor, product));
      return product;
    }

    /** Passes the gradient of the result of an operation on to its inputs. */
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
      if (dy == null || (y instanceof Buffer buffer && constants.contains(buffer))) {
        return;
      }
      switch (op) {
        case Op.Norm norm ->
            pass(
                norm.x(),
                dx -> new BackwardOp.Norm(forwards.available(norm), rules.frozenNorms(), dy, dx));
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
            pass(rope.x(), dx -> new SequenceOp.Rope(rope.rotation().negated(), rope.dH(), dy, dx));
        case SequenceOp.Attention attention -> attention(attention, dy);
        case SequenceOp.Conv conv -> pass(conv.x(), dx -> new BackwardOp.Conv(conv, dy, dx));
        case SequenceOp.Recurrence recurrence -> recurrence(recurrence, dy);
        case SequenceOp.DiagonalRecurrence recurrence -> diagonalRecurrence(recurrence, dy);
        case ExpertOp.Route route ->
            pass(route.logits(), dx -> new BackwardOp.Route(forwards.available(route), dy, dx));
        case ExpertOp.ExpertMatMul product -> expertMatMul(product, dy);
        case ExpertOp.ExpertSum sum -> expertSum(sum, dy);
        case UnfusedOp.Gain gain ->
            pass(gain.x(), dx -> new UnfusedOp.Gain(dy, gain.gain(), null, dx));
        default ->
            throw new IllegalArgumentException(
                y.name() + ": no gradient; not supported for " + op.getClass().getSimpleName());
      }
    }

    /** Adds to the gradient with respect to x what an operation that writes it computes. */
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
          new BackwardOp.ExpertMatMul(
              forwards.available(product), dy, product.shared() ? slots : dx));
      if (product.shared()) {
        ops.add(new BackwardOp.SlotSum(product.slots(), slots, dx));
      }
      add(product.x(), dx);
    }

    private void expertSum(ExpertOp.ExpertSum sum, Buffer dy) {
      Buffer dx = fresh(sum.x());
      Buffer dWeights = fresh(sum.weights());
      ops.add(new BackwardOp.ExpertSum(forwards.available(sum), dy, dx, dWeights));
      add(sum.x(), dx);
      add(sum.weights(), dWeights);
    }

    private void activation(Op.Activation op, Buffer dy) {
      Buffer up = op.up();
      Buffer dGate = up == null ? dy : scaled(op.y(), rules.gateFactor(), dy);
      Buffer dx = fresh(op.x());
      Op.Activation gated = forwards.available(op);
      ops.add(new BackwardOp.Activation(gated, rules.slope(), dGate, dx));
      add(op.x(), dx);
      if (up != null && dependent.contains(up)) {
        boolean shared = rules.upFactor() == rules.gateFactor();
        Buffer dFactor = shared ? dGate : scaled(op.y(), rules.upFactor(), dy);
        Buffer dUp = fresh(up);
        ops.add(new Op.Activation(op.kind(), gated.x(), dFactor, dUp));
        add(up, dUp);
      }
    }

    /** Gradients of keys and values are collected until the operation that stored them. */
    private void attention(SequenceOp.Attention op, Buffer dz) {
      Buffer dq = fresh(op.q());
      var statistics =
          new Buffer(
              op.z().name() + ".statistics",
              Rows.TOKENS,
              Math.multiplyExact(op.heads(), BackwardOp.Query.STATISTICS));
      SequenceOp.Attention available = forwards.available(op);
      ops.add(new BackwardOp.Query(available, dz, dq, statistics));
      pass(op.q(), rules.queryKeyFactor(), dq);
      if (readsDependentMemory(op)) {
        KvShape.KeyValue layer = forward.kv().keyValue(op.layer());
        var k = new Buffer(op.z().name() + ".key", Rows.TOKENS, layer.width());
        var v = new Buffer(op.z().name() + ".value", Rows.TOKENS, layer.valueWidth());
        Buffer dk = fresh(k);
        Buffer dv = fresh(v);
        ops.add(new BackwardOp.KeyValue(available, dz, statistics, dk, dv));
        keys.put(op.layer(), sum(k, keys.get(op.layer()), dk));
        values.put(op.layer(), sum(v, values.get(op.layer()), dv));
      }
    }

    /**
     * Steps and strengths determine the pattern, as queries and keys do, and share their factor.
     */
    private void recurrence(SequenceOp.Recurrence op, Buffer dz) {
      var residual = new Buffer(op.z().name() + ".residual", op.z().rows(), op.z().width());
      SequenceOp.Recurrence.Inputs<Buffer> read = op.inputs();
      SequenceOp.Recurrence.Inputs<Buffer> found = read.map(this::fresh);
      ops.add(new BackwardOp.Recurrence(forwards.available(op), dz, residual, found));
      pass(read.q(), rules.queryKeyFactor(), found.q());
      pass(read.k(), rules.queryKeyFactor(), found.k());
      pass(read.step(), rules.queryKeyFactor(), found.step());
      pass(read.beta(), rules.queryKeyFactor(), found.beta());
      pass(read.v(), rules.valueFactor(), found.v());
    }

    /** Decays and gates determine the pattern, as queries and keys do. */
    private void diagonalRecurrence(SequenceOp.DiagonalRecurrence op, Buffer dh) {
      Buffer dDecay = fresh(op.decay());
      Buffer dGate = fresh(op.gate());
      Buffer dx = fresh(op.x());
      SequenceOp.DiagonalRecurrence available = forwards.available(op);
      ops.add(new BackwardOp.DiagonalRecurrence(available, dh, dDecay, dGate, dx));
      pass(op.decay(), rules.queryKeyFactor(), dDecay);
      pass(op.gate(), rules.queryKeyFactor(), dGate);
      pass(op.x(), rules.valueFactor(), dx);
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

    /** Adds a term, scaled by a factor of the rules, to the gradient with respect to x. */
    private void pass(Buffer x, float factor, Buffer dx) {
      if (factor != 0) {
        add(x, scaled(x, factor, dx));
      }
    }
  }
}
