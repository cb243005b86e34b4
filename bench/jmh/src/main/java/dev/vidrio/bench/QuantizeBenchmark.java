package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.weight.WeightType;
import org.openjdk.jmh.annotations.Param;

/** Quantization of activations of the model's width d to int8 in blocks of 32. */
public class QuantizeBenchmark extends OneOpBenchmark {
  private static final int OUTPUTS = 32;

  /** Rows. */
  @Param({"1", "512"})
  public int tokens;

  /**
   * Appends a product, which is not measured, to compare the quantized values; Q4_1 uses all of
   * them.
   */
  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    var plan = new PlanBuilder(new KvShape(1, 1, 1));
    Buffer x = plan.embed("x", inputs.table(shape.d()));
    plan.matMul("y", inputs.matrix(WeightType.Q4_1, OUTPUTS, shape.d()), x);
    return new PlanSlice.Work(plan.build(), 1, 2, tokens, 0);
  }
}
