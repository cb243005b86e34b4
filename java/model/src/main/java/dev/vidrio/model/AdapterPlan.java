package dev.vidrio.model;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A plan with room for adapters: what they add follows each product with a whole matrix of the
 * model. Products of experts have none, nor has an unembedding that is the embedding.
 *
 * <p>A product keeps its name for the sum; the ways down of all products that read an activation
 * stand before the first of them, so that workers wait once.
 */
final class AdapterPlan {
  private static final String EMBEDDING = "token_embd.weight";

  private final AdapterSlots slots;
  private final Map<Operand, List<Op.MatMul>> readers = new LinkedHashMap<>();
  private final Map<Operand, Buffer> sources = new HashMap<>();
  private final List<Op> ops = new ArrayList<>();
  private final int[] starts;
  private final Plan plan;

  /**
   * Inserts the operations.
   *
   * @throws IllegalArgumentException when the plan has gradients: they would be those of another
   *     model
   */
  AdapterPlan(Plan original, AdapterSlots slots) {
    this.slots = slots;
    original.ops().forEach(this::findReaders);
    this.starts = new int[original.ops().size() + 1];
    for (int i = 0; i < original.ops().size(); i++) {
      starts[i] = ops.size();
      add(original.ops().get(i));
    }
    starts[original.ops().size()] = ops.size();
    this.plan = original.withOps(ops);
  }

  private void findReaders(Op op) {
    switch (op) {
      case Op.MatMul product when index(product) != null ->
          readers.computeIfAbsent(product.x(), x -> new ArrayList<>()).add(product);
      case Op.Quantize quantize -> sources.put(quantize.y(), quantize.x());
      case BackwardOp ignored ->
          throw new IllegalArgumentException("a plan with gradients has no room for adapters");
      default -> {}
    }
  }

  private void add(Op op) {
    Integer index = op instanceof Op.MatMul product ? index(product) : null;
    if (index == null) {
      ops.add(op);
      return;
    }
    Op.MatMul product = (Op.MatMul) op;
    List<Op.MatMul> group = readers.remove(product.x());
    if (group != null) {
      group.forEach(this::addDown);
    }
    Buffer y = product.y();
    Buffer base = y.like(y.name() + ".unadapted");
    ops.add(new Op.MatMul(product.weights(), product.x(), base, product.fast()));
    ops.add(new LowRankOp.Up(base, low(y), slots.table(), index, y));
  }

  private @Nullable Integer index(Op.MatMul product) {
    return isAdaptable(product) ? slots.index(product.weights().name()) : null;
  }

  private void addDown(Op.MatMul product) {
    Buffer u =
        switch (product.x()) {
          case Buffer x -> x;
          case QuantizedBuffer x -> Objects.requireNonNull(sources.get(x), x.name());
        };
    int index = Objects.requireNonNull(index(product));
    ops.add(new LowRankOp.Down(u, slots.table(), index, low(product.y())));
  }

  private Buffer low(Buffer y) {
    return new Buffer(y.name() + ".low_rank", y.rows(), slots.table().maxRank());
  }

  /** Whether a product may be adapted. */
  static boolean isAdaptable(Op.MatMul product) {
    return !product.weights().name().equals(EMBEDDING);
  }

  /** The matrices of a plan that adapters may change. */
  static List<Weights> matrices(Plan plan) {
    return plan.ops().stream()
        .filter(Op.MatMul.class::isInstance)
        .map(Op.MatMul.class::cast)
        .filter(AdapterPlan::isAdaptable)
        .map(Op.MatMul::weights)
        .toList();
  }

  /** The plan. */
  Plan plan() {
    return plan;
  }

  /** Operations of the original plan. */
  int originalOps() {
    return starts.length - 1;
  }

  /** Where operation i of the original plan begins in this one; behind its last one, the end. */
  int start(int i) {
    return starts[i];
  }
}
