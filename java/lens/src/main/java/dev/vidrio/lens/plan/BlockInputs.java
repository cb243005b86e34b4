package dev.vidrio.lens.plan;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What blocks read that others wrote: the residual stream, or all streams where there are several,
 * and what each block reads of the token. From there a block can be computed again.
 */
public final class BlockInputs {
  private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d+)\\..*");

  private BlockInputs() {}

  /** Those of a plan. */
  public static Set<Buffer> of(Plan plan) {
    Set<Buffer> inputs = new HashSet<>();
    for (Op op : plan.ops()) {
      String block = block(op.primaryOperand());
      for (Operand x : op.reads()) {
        if (!block.isEmpty() && x instanceof Buffer buffer && !block(x).equals(block)) {
          inputs.add(buffer);
        }
      }
    }
    return inputs;
  }

  /** The number of the block that an activation is in. */
  static int number(Buffer x) {
    return Integer.parseInt(block(x));
  }

  /** The number of the block that an activation is in; nothing of one outside. */
  private static String block(Operand x) {
    Matcher matcher = BLOCK.matcher(x.name());
    return matcher.matches() ? matcher.group(1) : "";
  }
}
