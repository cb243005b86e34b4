package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.Intervention.Columns;
import dev.vidrio.lens.hook.InterventionKind;
import dev.vidrio.lens.resolve.HookMap;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The interventions of a lens at activations that are sums, as functions {@code y = A x + c}: each
 * part of x becomes A times it, and c comes from none of them. Zero, set, patch and mean have
 * {@code A = 0}, add and noise {@code A = 1}, scale a factor, and changes of a subspace a
 * projection.
 */
public final class LinearEdits {
  private final List<Intervention> edits;
  private final HookMap hooks;

  private LinearEdits(List<Intervention> edits, HookMap hooks) {
    this.edits = edits;
    this.hooks = hooks;
  }

  /**
   * Returns the interventions of a lens at the outputs of heads and at further sites.
   *
   * @param sums sites of activations that are sums
   * @throws InvalidInputException if one is not linear in the parts of its activation: a clamp, or
   *     at {@code hook_z} a change of a part of a head, or, before a norm, another change than zero
   *     and scale
   */
  public static LinearEdits of(Lens lens, HookMap hooks, Set<HookSite> sums) {
    List<Intervention> edits =
        lens.edits().stream()
            .filter(e -> e.point().site() == HookSite.Z || sums.contains(e.point().site()))
            .toList();
    var linear = new LinearEdits(edits, hooks);
    edits.forEach(linear::requireLinear);
    return linear;
  }

  private void requireLinear(Intervention edit) {
    boolean clamps = edit.kind() instanceof InterventionKind.Edit(EditKind.Clamp _);
    require(!clamps, edit, "a clamp of a sum is not a sum of clamped parts");
    if (edit.point().site() != HookSite.Z) {
      return;
    }
    int layer = edit.point().layer();
    boolean projects = edit.kind() instanceof InterventionKind.Edit(EditKind.Subspace _);
    require(!projects && isOfHeads(edit), edit, "must change whole heads here");
    boolean normalized = hooks.afterAttention(layer).stream().anyMatch(Op.Norm.class::isInstance);
    boolean multiplies =
        edit.kind() instanceof InterventionKind.Zero
            || edit.kind() instanceof InterventionKind.Edit(EditKind.Scale _);
    require(
        multiplies || !normalized, edit, "a norm follows the heads; only zero and scale fit here");
  }

  private static void require(boolean holds, Intervention edit, String limit) {
    if (!holds) {
      throw new InvalidInputException("edit of " + edit.point(), "", limit);
    }
  }

  private boolean isOfHeads(Intervention edit) {
    int width = hooks.buffer(edit.point()).width() / hooks.heads(edit.point().layer());
    return !(edit.columns() instanceof Columns.Range(int begin, int end))
        || (begin % width == 0 && end % width == 0);
  }

  /** Returns the interventions at an activation of a token, in order. */
  private Stream<Intervention> at(HookPoint point, int position) {
    return edits.stream()
        .filter(e -> e.point().equals(point) && e.from() <= position && position < e.to());
  }

  /** Returns whether an activation of a token is changed. */
  public boolean has(HookPoint point, int position) {
    return at(point, position).findAny().isPresent();
  }

  /** Returns the factor of the output of a head at a token. */
  public float ofHead(int layer, int head, int position) {
    if (edits.isEmpty()) {
      return 1;
    }
    var point = new HookPoint(HookSite.Z, layer);
    int width = hooks.buffer(point).width() / hooks.heads(layer);
    return (float)
        at(point, position)
            .filter(edit -> begin(edit, width) <= head * width && head * width < end(edit, width))
            .mapToDouble(edit -> factor(edit.kind()))
            .reduce(1, (a, b) -> a * b);
  }

  /** Applies A of the interventions at an activation of a token to a part of it, in place. */
  public void apply(HookPoint point, int position, float[] part) {
    at(point, position)
        .forEach(
            edit -> {
              int begin = begin(edit, 0);
              int end = Math.min(part.length, end(edit, 0));
              if (edit.kind() instanceof InterventionKind.Edit(EditKind.Subspace subspace)) {
                projectOut(subspace.basis(), part, begin, end);
              } else {
                float factor = factor(edit.kind());
                for (int k = begin; k < end; k++) {
                  part[k] *= factor;
                }
              }
            });
  }

  private static float factor(InterventionKind kind) {
    return switch (kind) {
      case InterventionKind.Edit(EditKind.Scale scale) -> scale.factor();
      case InterventionKind.Edit(EditKind.Add _) -> 1;
      default -> 0;
    };
  }

  private static void projectOut(MemorySegment basis, float[] part, int begin, int end) {
    int width = end - begin;
    for (int row = 0; row < basis.byteSize() / Float.BYTES / width; row++) {
      double dot = 0;
      for (int k = 0; k < width; k++) {
        dot += (double) part[begin + k] * basis.getAtIndex(JAVA_FLOAT, (long) row * width + k);
      }
      for (int k = 0; k < width; k++) {
        part[begin + k] -= (float) (dot * basis.getAtIndex(JAVA_FLOAT, (long) row * width + k));
      }
    }
  }

  private static int begin(Intervention edit, int headWidth) {
    return switch (edit.columns()) {
      case Columns.Range range -> range.begin();
      case Columns.Head head -> head.head() * headWidth;
      default -> 0;
    };
  }

  private static int end(Intervention edit, int headWidth) {
    return switch (edit.columns()) {
      case Columns.Range range -> range.end();
      case Columns.Head head -> (head.head() + 1) * headWidth;
      default -> Integer.MAX_VALUE;
    };
  }
}
