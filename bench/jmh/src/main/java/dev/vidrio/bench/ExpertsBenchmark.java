package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Param;

/**
 * Products of M tokens with the matrices of their experts: 2·M·k·N·K operations over the bytes of
 * the matrices of all selected experts, which a random router distributes evenly.
 */
public class ExpertsBenchmark extends OneOpBenchmark {
  /** E. */
  @Param("8")
  public int experts;

  /** k, the slots of a token. */
  @Param("2")
  public int slots;

  /** The type of the weights. */
  @Param("Q8_0")
  public WeightType type;

  /** M: decoding, a small batch, a prompt. */
  @Param({"1", "8", "512"})
  public int tokens;

  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    int d = shape.d();
    var plan = new PlanBuilder(new KvShape(1, 1, 1));
    Buffer x = plan.embed("x", inputs.table(d));
    Buffer logits = plan.matMul("logits", inputs.matrix(WeightType.F32, experts, d), x);
    PlanBuilder.Routes routes =
        plan.route(
            "experts",
            "weights",
            ExpertOp.RouteScore.SOFTMAX,
            ExpertOp.RouteOver.CHOSEN,
            null,
            null,
            slots,
            logits);
    List<Weights> matrices =
        IntStream.range(0, experts).mapToObj(e -> inputs.matrix(type, shape.dFfn(), d)).toList();
    plan.expertMatMul("y", matrices, null, routes, x);
    return PlanSlice.Work.last(plan.build(), tokens);
  }
}
