package dev.vidrio.kernel.pass;

import dev.vidrio.kernel.Plan;
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
 * Replaces the float products of a backward pass by int8 products: a gradient is quantized as
 * activations are in the forward pass, and multiplies Wᵀ. Three kinds of products remain: those
 * whose gradient does not fill quantization blocks, those of logits, which have few rows, and those
 * with the matrices of experts.
 *
 * @param transposed gives the transpose [K, N] of a matrix, of a quantized type
 */
public record GradientQuantization(UnaryOperator<Weights> transposed) implements PlanPass {
  @Override
  public Plan apply(Plan plan) {
    List<Op> ops = new ArrayList<>();
    for (Op op : plan.ops()) {
      if (op instanceof BackwardOp.MatMul product && canQuantize(product.dy())) {
        Buffer dy = product.dy();
        var blocks = new QuantizedBuffer(product.dx().name() + ".blocks", dy.rows(), dy.width());
        ops.add(new Op.Quantize(dy, blocks));
        ops.add(new Op.MatMul(transposed.apply(product.weights()), blocks, product.dx()));
      } else {
        ops.add(op);
      }
    }
    return new Plan(ops, plan.kv(), plan.outputs());
  }

  private static boolean canQuantize(Buffer dy) {
    return dy.rows() == Rows.TOKENS && dy.width() % QuantizedBuffer.BLOCK == 0;
  }
}
