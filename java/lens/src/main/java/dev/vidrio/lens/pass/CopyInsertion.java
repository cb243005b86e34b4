package dev.vidrio.lens.pass;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Inserts copies of activations into a plan: an operation writes {@link #computed}, and later
 * operations read the copy, which can be overwritten or count as a constant of a gradient. Bits do
 * not change.
 */
public final class CopyInsertion {
  private CopyInsertion() {}

  /** Returns the activation that the original operation writes, before its copy. */
  public static Buffer computed(Buffer copy) {
    return copy.like(copy.name() + ".computed");
  }

  /** Returns operations that copy some of the activations which they write. */
  public static List<Op> apply(List<Op> ops, Set<Buffer> copied) {
    List<Op> result = new ArrayList<>();
    for (Op op : ops) {
      Op writer = op;
      List<Op> copies = new ArrayList<>();
      for (Buffer buffer : copied) {
        if (op.writes().contains(buffer)) {
          Buffer before = computed(buffer);
          writer = writer.withOperands(x -> x.equals(buffer) ? before : x);
          copies.add(new Op.Scale(before, 1, buffer));
        }
      }
      result.add(writer);
      result.addAll(copies);
    }
    return result;
  }
}
