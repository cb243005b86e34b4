package dev.vidrio.lens.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.pass.PlanPass;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Inserts operations that only read activations, each before the first other reader of its
 * activation, as {@link HookOp.Tap} requires.
 */
public final class TapInsertion implements PlanPass {
  private final Predicate<Buffer> wanted;
  private final Function<Buffer, List<Op>> taps;

  /**
   * Creates the pass.
   *
   * @param wanted selects the activations
   * @param taps returns the operations that read an activation
   */
  public TapInsertion(Predicate<Buffer> wanted, Function<Buffer, List<Op>> taps) {
    this.wanted = wanted;
    this.taps = taps;
  }

  @Override
  public Plan apply(Plan plan) {
    List<Op> ops = new ArrayList<>();
    Set<Buffer> waiting = new LinkedHashSet<>();
    for (Op op : plan.ops()) {
      List<Buffer> read = waiting.stream().filter(op.reads()::contains).toList();
      read.forEach(x -> ops.addAll(taps.apply(x)));
      read.forEach(waiting::remove);
      ops.add(op);
      for (Operand operand : op.writes()) {
        if (operand instanceof Buffer buffer && wanted.test(buffer)) {
          waiting.add(buffer);
        }
      }
    }
    waiting.forEach(x -> ops.addAll(taps.apply(x)));
    return plan.withOps(ops);
  }
}
