package dev.vidrio.model.adapter;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.LowRankOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.pass.PlanPass;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Inserts the low-rank updates of adapters into a plan: each product with a matrix of the model is
 * followed by an up-projection, which writes the activation of the product. Products of experts are
 * not adapted, nor is an unembedding that is tied to the embedding.
 *
 * <p>All down-projections of an activation come before its first product, so that one barrier
 * suffices.
 *
 * @param slots the slots of the adapters
 */
public record LoraInsertion(AdapterSlots slots) implements PlanPass {
  private static final String EMBEDDING = "token_embd.weight";

  /**
   * A plan with updates.
   *
   * @param starts the index of the first operation for each operation of the original plan, and the
   *     number of operations
   */
  public record Inserted(Plan plan, List<Integer> starts) {
    /** Returns the number of operations of the original plan. */
    public int originalOps() {
      return starts.size() - 1;
    }

    /**
     * Returns the index at which operation i of the original plan begins; after the last, the end.
     */
    public int start(int i) {
      return starts.get(i);
    }
  }

  @Override
  public Plan apply(Plan plan) {
    return insert(plan).plan();
  }

  /**
   * Returns the plan with updates, and the positions of its original operations.
   *
   * @throws IllegalArgumentException if the plan has gradients, which would be those of another
   *     model
   */
  public Inserted insert(Plan original) {
    var insertion = new Insertion();
    original.ops().forEach(insertion::findReaders);
    List<Integer> starts = new ArrayList<>();
    for (Op op : original.ops()) {
      starts.add(insertion.ops.size());
      insertion.add(op);
    }
    starts.add(insertion.ops.size());
    return new Inserted(original.withOps(insertion.ops), starts);
  }

  /** The insertion into one plan. */
  private final class Insertion {
    private final Map<Operand, List<Op.MatMul>> readers = new LinkedHashMap<>();
    private final Map<Operand, Buffer> sources = new HashMap<>();
    private final List<Op> ops = new ArrayList<>();

    private void findReaders(Op op) {
      switch (op) {
        case Op.MatMul product when index(product) != null ->
            readers.computeIfAbsent(product.x(), x -> new ArrayList<>()).add(product);
        case Op.Quantize quantize -> sources.put(quantize.y(), quantize.x());
        case BackwardOp ignored ->
            throw new IllegalArgumentException(
                "adapters are not supported in plans with gradients");
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
      ops.add(new Op.MatMul(product.weights(), product.x(), base, product.arithmetic()));
      ops.add(new LowRankOp.Up(base, low(y), slots.table(), index, y));
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
  }

  private @Nullable Integer index(Op.MatMul product) {
    return isAdaptable(product) ? slots.index(product.weights().name()) : null;
  }

  private Buffer low(Buffer y) {
    return new Buffer(y.name() + ".low_rank", y.rows(), slots.table().maxRank());
  }

  /** Returns whether a product may be adapted. */
  static boolean isAdaptable(Op.MatMul product) {
    return !product.weights().name().equals(EMBEDDING);
  }

  /** Returns the matrices of a plan that adapters may change. */
  static List<Weights> matrices(Plan plan) {
    return plan.ops().stream()
        .filter(Op.MatMul.class::isInstance)
        .map(Op.MatMul.class::cast)
        .filter(LoraInsertion::isAdaptable)
        .map(Op.MatMul::weights)
        .toList();
  }
}
