package dev.vidrio.model;

import dev.vidrio.kernel.BackwardOp;
import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.LowRank;
import dev.vidrio.kernel.LowRankOp;
import dev.vidrio.kernel.LowRankTable;
import dev.vidrio.kernel.LowRankTable.Matrix;
import dev.vidrio.kernel.Op;
import dev.vidrio.kernel.Operand;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.QuantizedBuffer;
import dev.vidrio.kernel.Weights;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A plan with room for adapters: what they add follows each product with a whole matrix of the
 * model. Products of experts have none, nor has an unembedding that is the embedding.
 *
 * <p>A product keeps its name for the sum; the ways down of all products that read an activation
 * stand before the first of them, so that workers wait once.
 */
final class AdapterPlan {
  private static final String EMBEDDING = "token_embd.weight";

  private final Map<String, Integer> matrices = new LinkedHashMap<>();
  private final LowRankTable table;
  private final List<Op> ops = new ArrayList<>();
  private final int[] starts;
  private final Plan plan;

  /**
   * Inserts the operations.
   *
   * @param adapters room for so many in a step
   * @param sequences of a step
   * @throws IllegalArgumentException when the plan has gradients: they would be those of another
   *     model
   */
  AdapterPlan(Plan original, int adapters, int sequences) {
    List<Matrix> shapes = new ArrayList<>();
    Map<Operand, List<Op.MatMul>> readers = new LinkedHashMap<>();
    Map<Operand, Buffer> sources = new HashMap<>();
    for (Op op : original.ops()) {
      switch (op) {
        case Op.MatMul product when isAdaptable(product) -> {
          if (matrices.putIfAbsent(product.weights().name(), shapes.size()) == null) {
            shapes.add(new Matrix(product.weights().n(), product.weights().k()));
          }
          readers.computeIfAbsent(product.x(), x -> new ArrayList<>()).add(product);
        }
        case Op.Quantize quantize -> sources.put(quantize.y(), quantize.x());
        case BackwardOp ignored ->
            throw new IllegalArgumentException("a plan with gradients has no room for adapters");
        default -> {}
      }
    }
    this.table = new LowRankTable(shapes, adapters, sequences, LowRank.MAX_RANK);
    this.starts = new int[original.ops().size() + 1];
    for (int i = 0; i < original.ops().size(); i++) {
      starts[i] = ops.size();
      if (original.ops().get(i) instanceof Op.MatMul product && isAdaptable(product)) {
        List<Op.MatMul> group = readers.remove(product.x());
        if (group != null) {
          group.forEach(reader -> ops.add(down(reader, sources)));
        }
        addAdapted(product);
      } else {
        ops.add(original.ops().get(i));
      }
    }
    starts[original.ops().size()] = ops.size();
    this.plan = new Plan(ops, original.kv(), original.outputs());
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

  private int index(Op.MatMul product) {
    return Objects.requireNonNull(matrices.get(product.weights().name()));
  }

  private Buffer low(Buffer y) {
    return new Buffer(y.name() + ".low_rank", y.rows(), table.maxRank());
  }

  private Op down(Op.MatMul product, Map<Operand, Buffer> sources) {
    Buffer u =
        switch (product.x()) {
          case Buffer x -> x;
          case QuantizedBuffer x -> Objects.requireNonNull(sources.get(x), x.name());
        };
    return new LowRankOp.Down(u, table, index(product), low(product.y()));
  }

  private void addAdapted(Op.MatMul product) {
    Buffer y = product.y();
    Buffer base = new Buffer(y.name() + ".unadapted", y.rows(), y.width());
    ops.add(new Op.MatMul(product.weights(), product.x(), base, product.fast()));
    ops.add(new LowRankOp.Up(base, low(y), table, index(product), y));
  }

  /** The plan. */
  Plan plan() {
    return plan;
  }

  /** Its adapters. */
  LowRankTable table() {
    return table;
  }

  /** The names of the table's matrices, in its order. */
  List<String> names() {
    return List.copyOf(matrices.keySet());
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
