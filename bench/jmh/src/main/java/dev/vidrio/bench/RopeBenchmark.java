package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Rotation;
import java.util.List;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Param;

/** Rotation of all query heads. */
public class RopeBenchmark extends OneOpBenchmark {
  /** The elements that form a pair. */
  @Param public Rotation.Pairs pairs;

  /** Rows. */
  @Param({"1", "512"})
  public int tokens;

  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    var plan = new PlanBuilder(new KvShape(1, shape.kvHeads(), shape.dH()));
    Buffer x = plan.embed("x", inputs.table(shape.qWidth()));
    plan.rope("y", new Rotation(pairs, frequencies(shape), 1), shape.dH(), x);
    return PlanSlice.Work.last(plan.build(), tokens);
  }

  private static List<Double> frequencies(Shape shape) {
    return IntStream.range(0, shape.dH() / 2)
        .mapToObj(j -> Math.pow(shape.ropeBase(), -2.0 * j / shape.dH()))
        .toList();
  }
}
