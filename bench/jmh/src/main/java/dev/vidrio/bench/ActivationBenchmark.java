package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import org.openjdk.jmh.annotations.Param;

/** Gated activations of the feed-forward width: {@code f(gate) · up}. */
public class ActivationBenchmark extends OneOpBenchmark {
  /** The activation function f. */
  @Param public Op.ActivationKind kind;

  /** Rows. */
  @Param({"1", "512"})
  public int tokens;

  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    var plan = new PlanBuilder(new KvShape(1, 1, 1));
    Buffer gate = plan.embed("gate", inputs.table(shape.dFfn()));
    Buffer up = plan.embed("up", inputs.table(shape.dFfn()));
    plan.gated("y", kind, gate, up);
    return PlanSlice.Work.last(plan.build(), tokens);
  }
}
