package dev.vidrio.model.adapter;

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
 * Inserts adapter updates into a plan: after each product with a whole matrix of the model, the
 * low-rank product of the sequence's adapter is added. Products of experts and an unembedding tied
 * to the embedding are not adapted.
 *
 * <p>The sum keeps the buffer name of the product. All down-projections of an activation run before
 * its first consumer, so that one barrier suffices.
 */
public final class AdapterPlan {
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
   * @throws IllegalArgumentException if the plan has gradients, which would ignore the adapters
   */
  public AdapterPlan(Plan original, AdapterSlots slots) {
    this.slots = slots;
    original.ops().forEach(this::findReaders);
    this.starts = new int[original.ops().size() + 1];
    for (int i = 0; i < original.ops().size(); i++) {
      starts[i] = ops.size();
      add(original.ops().get(i));
    }
    starts[original.ops().size()] = ops.size();
    this.plan = new Plan(ops, original.kv(), original.outputs());
  }

  private void findReaders(Op op) {
    switch (op) {
      case Op.MatMul product when index(product) != null ->
          readers.computeIfAbsent(product.x(), x -> new ArrayList<>()).add(product);
      case Op.Quantize quantize -> sources.put(quantize.y(), quantize.x());
      case BackwardOp ignored ->
          throw new IllegalArgumentException("adapters are not supported in a plan with gradients");
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

  /** Returns whether a product can be adapted. */
  static boolean isAdaptable(Op.MatMul product) {
    return !product.weights().name().equals(EMBEDDING);
  }

  /** Returns the matrices of a plan that adapters can update. */
  static List<Weights> matrices(Plan plan) {
    return plan.ops().stream()
        .filter(Op.MatMul.class::isInstance)
        .map(Op.MatMul.class::cast)
        .filter(AdapterPlan::isAdaptable)
        .map(Op.MatMul::weights)
        .toList();
  }

  /** Returns the plan with adapters. */
  public Plan plan() {
    return plan;
  }

  /** Returns the number of operations of the original plan. */
  public int originalOps() {
    return starts.length - 1;
  }

  /**
   * Returns the index in this plan at which operation i of the original plan begins; for the number
   * of its operations, the end of this plan.
   */
  public int start(int i) {
    return starts[i];
  }
}
