package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.weight.WeightType;
import org.openjdk.jmh.annotations.Param;

/**
 * Products {@code y[M,N] = x[M,K] · W[N,K]ᵀ} of M tokens: 2·M·N·K operations over the bytes of W.
 * The quantization of activations is not measured.
 */
public class MatMulBenchmark extends OneOpBenchmark {
  /** The matrix of the model. */
  @Param("FFN_UP")
  public Projection projection;

  /** The type of the weights. */
  @Param public WeightType type;

  /** M: decoding, a small batch, a prompt. */
  @Param({"1", "8", "512"})
  public int tokens;

  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    return product(projection, type, tokens, shape, inputs);
  }

  /** Returns a plan with the product as its last operation. */
  static PlanSlice.Work product(
      Projection projection, WeightType type, int tokens, Shape shape, Inputs inputs) {
    int n = projection.n(shape);
    int k = projection.k(shape);
    var plan = new PlanBuilder(new KvShape(1, 1, 1));
    Buffer x = plan.embed("x", inputs.table(k));
    plan.matMul("y", inputs.matrix(type, n, k), x);
    return PlanSlice.Work.last(plan.build(), tokens);
  }
}
