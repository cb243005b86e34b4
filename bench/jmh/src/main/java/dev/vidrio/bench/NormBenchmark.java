package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Param;

/** Norms of rows of the model's width d, with a gain, and for LayerNorm a bias. */
public class NormBenchmark extends OneOpBenchmark {
  private static final float EPSILON = 1e-5f;

  /** RMSNorm or LayerNorm. */
  @Param public Op.NormKind kind;

  /** Rows. */
  @Param({"1", "512"})
  public int tokens;

  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    int d = shape.d();
    @Nullable Weights bias = kind == Op.NormKind.LAYER ? inputs.vector(d) : null;
    var plan = new PlanBuilder(new KvShape(1, 1, 1));
    Buffer x = plan.embed("x", inputs.table(d));
    plan.norm("y", kind, x, EPSILON, inputs.vector(d), bias);
    return PlanSlice.Work.last(plan.build(), tokens);
  }
}
