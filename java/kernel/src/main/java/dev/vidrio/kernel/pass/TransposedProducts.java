package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Replaces the float products of a backward pass by products of the forward pass with Wᵀ, in an
 * arithmetic that is faster. In {@link Arithmetic#INT8} gradients are quantized as activations are.
 * Three kinds of products remain: those with a gradient that does not fill quantization blocks,
 * those of logits, which have few rows, and those with the matrices of experts.
 *
 * @param transposed gives the transpose [K, N] of a matrix, of a type that the arithmetic quantizes
 *     or a float type in bf16
 */
public record TransposedProducts(Arithmetic arithmetic, UnaryOperator<Weights> transposed)
    implements PlanPass {
  @Override
  public Plan apply(Plan plan) {
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      if (op instanceof BackwardOp.MatMul product && canReplace(product.dy())) {
        add(product, ops);
      } else {
        ops.add(op);
      }
    }
    return new Plan(ops, plan.kv(), plan.outputs());
  }

  private static boolean canReplace(Buffer dy) {
    return dy.rows() == Rows.TOKENS && dy.width() % QuantizedBuffer.BLOCK == 0;
  }

  private void add(BackwardOp.MatMul product, List<Op> ops) {
    Buffer dy = product.dy();
    Weights weights = transposed.apply(product.weights());
    if (!arithmetic.quantizes(weights.type())) {
      ops.add(new Op.MatMul(weights, dy, product.dx(), arithmetic));
      return;
    }
    var blocks = new QuantizedBuffer(product.dx().name() + ".blocks", dy.rows(), dy.width());
    ops.add(new Op.Quantize(dy, blocks));
    ops.add(new Op.MatMul(weights, blocks, product.dx(), arithmetic));
  }
}
