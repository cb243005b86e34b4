package dev.vidrio.lens;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.Op;
import dev.vidrio.kernel.Operand;
import dev.vidrio.kernel.Plan;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Inserts taps into a plan, each before the first reader of what it taps, as {@link Op.Tap} asks.
 */
final class TappedPlan {
  private TappedPlan() {}

  /** The plan with a tap for each activation that there is memory for. */
  static Plan of(Plan plan, TapMemory memory) {
    List<Op> ops = new ArrayList<>();
    Set<Buffer> waiting = new LinkedHashSet<>();
    for (Op op : plan.ops()) {
      waiting.stream()
          .filter(op.reads()::contains)
          .toList()
          .forEach(x -> tap(x, memory, ops, waiting));
      ops.add(op);
      for (Operand operand : op.writes()) {
        if (operand instanceof Buffer buffer && memory.has(buffer)) {
          waiting.add(buffer);
        }
      }
    }
    List.copyOf(waiting).forEach(x -> tap(x, memory, ops, waiting));
    return new Plan(ops, plan.kv(), plan.outputs());
  }

  private static void tap(Buffer x, TapMemory memory, List<Op> ops, Set<Buffer> waiting) {
    ops.add(new Op.Tap(x, memory.target(x)));
    waiting.remove(x);
  }
}
