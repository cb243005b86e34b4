package dev.vidrio.lens.resolve;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The matrix products of a plan, by their input before it is quantized. */
final class MatMulIndex {
  private final Map<Operand, Operand> quantizedFrom = new HashMap<>();
  private final Map<Operand, Op.MatMul> first = new HashMap<>();

  /** Adds the next operation of the plan. */
  void add(Op op) {
    switch (op) {
      case Op.Quantize quantize -> quantizedFrom.put(quantize.y(), quantize.x());
      case Op.MatMul product -> first.putIfAbsent(factor(product), product);
      default -> {}
    }
  }

  /** Returns the input of a product before it is quantized. */
  Operand factor(Op.MatMul product) {
    return quantizedFrom.getOrDefault(product.x(), product.x());
  }

  /** Returns the first product of an activation, or null. */
  Op.@Nullable MatMul find(Buffer x) {
    return first.get(x);
  }
}
