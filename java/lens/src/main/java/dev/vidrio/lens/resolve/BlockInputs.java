package dev.vidrio.lens.resolve;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * The activations that blocks read from outside: the residual stream (all streams of a model with
 * several) and the per-layer inputs. From these, each block can be recomputed on its own.
 */
public final class BlockInputs {
  private BlockInputs() {}

  /**
   * Returns the block inputs of a plan. A block begins with the first operation that reads its
   * {@code hook_resid_pre}, and ends where the next one begins; the last includes the final norm
   * and the unembedding.
   *
   * @param hooks of the plan
   */
  public static Set<Buffer> of(Plan plan, HookMap hooks) {
    Set<Buffer> inputs = new HashSet<>();
    Map<Operand, Integer> blocks = new HashMap<>();
    int block = -1;
    for (Op op : plan.ops()) {
      if (block + 1 < hooks.layers() && reads(op, hooks.stream(block + 1))) {
        block++;
      }
      for (Operand x : op.reads()) {
        if (block >= 0 && x instanceof Buffer buffer && blocks.getOrDefault(x, -1) != block) {
          inputs.add(buffer);
        }
      }
      for (Operand y : op.writes()) {
        blocks.put(y, block);
      }
    }
    return inputs;
  }

  /** Compares names, since gather hoisting changes the rows of a buffer but not its name. */
  private static boolean reads(Op op, Buffer stream) {
    return op.reads().stream().anyMatch(x -> x.name().equals(stream.name()));
  }
}
