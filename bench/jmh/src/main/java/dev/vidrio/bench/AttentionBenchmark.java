package dev.vidrio.bench;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.op.Buffer;
import org.openjdk.jmh.annotations.Param;

/**
 * Attention of one sequence over its cache: a prompt chunk of 512 tokens, or one decoded token. A
 * token at position p takes 4·H·d_h·(p+1) operations; decoding reads 8·H_kv·d_h·(p+1) bytes.
 */
public class AttentionBenchmark extends OneOpBenchmark {
  /** Tokens of the step. */
  @Param({"1", "512"})
  public int tokens;

  /** Tokens before those of the step. */
  @Param({"0", "4096"})
  public int depth;

  @Override
  PlanSlice.Work work(Shape shape, Inputs inputs) {
    var plan = new PlanBuilder(new KvShape(1, shape.kvHeads(), shape.dH()));
    Buffer q = plan.embed("q", inputs.table(shape.qWidth()));
    Buffer k = plan.embed("k", inputs.table(shape.kvWidth()));
    Buffer v = plan.embed("v", inputs.table(shape.kvWidth()));
    plan.kvStore(0, k, v);
    plan.attention("z", 0, (float) (1 / Math.sqrt(shape.dH())), q);
    return PlanSlice.Work.last(plan.build(), tokens, depth);
  }
}
