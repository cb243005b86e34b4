package dev.vidrio.lens.pass;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Inserts into a plan operations that only look at activations, each before the first reader of
 * what it looks at, as {@link HookOp.Tap} asks.
 */
public final class TapInsertion {
  private TapInsertion() {}

  /**
   * The plan with them.
   *
   * @param wanted which activations are looked at
   * @param taps the operations that look at one
   */
  public static Plan of(Plan plan, Predicate<Buffer> wanted, Function<Buffer, List<Op>> taps) {
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
