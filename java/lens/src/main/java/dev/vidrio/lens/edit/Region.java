package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.edit.Index.Range;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of an activation that an edit changes.
 *
 * @param tokens the number of tokens of the text
 * @param positions the edited positions of the text
 * @param open true if tokens generated after the text are edited too
 * @param rowWidth elements of a row; 0 for attention, since its rows grow with the text
 * @param columns the edited columns of a row, as few contiguous ranges as possible
 */
record Region(
    HookPoint point,
    int tokens,
    Range positions,
    boolean open,
    int rowWidth,
    List<Intervention.Columns> columns) {
  Region {
    columns = List.copyOf(columns);
  }

  /**
   * Returns the region of an index.
   *
   * @param shape the shape of the point's activation for one token
   * @param tokens the number of tokens of the text
   */
  static Region of(HookPoint point, List<Integer> shape, int tokens, Index index) {
    boolean attention = point.site().axes() == HookSite.Axes.QUERY_KEY;
    if (index.parts().size() > shape.size()) {
      throw new InvalidInputException(
          "index of " + point, index.toString(), "it has " + shape.size() + " axes");
    }
    Index.Part position = index.part(attention ? 1 : 0);
    Range positions = position.of("position of " + point, tokens);
    List<Intervention.Columns> columns =
        attention ? attention(point, shape.getFirst(), tokens, index) : ranges(point, shape, index);
    return new Region(
        point, tokens, positions, position.isOpen(), attention ? 0 : width(shape), columns);
  }

  private static int width(List<Integer> shape) {
    return shape.stream().skip(1).reduce(1, Math::multiplyExact);
  }

  private static List<Intervention.Columns> attention(
      HookPoint point, int heads, int tokens, Index index) {
    Range chosen = index.part(0).of("head of " + point, heads);
    Range keys = index.part(2).of("key of " + point, tokens);
    boolean allKeys = keys.size() == tokens && index.part(2).isOpen();
    if (chosen.size() == heads) {
      return List.of(
          allKeys
              ? new Intervention.Columns.All()
              : new Intervention.Columns.Keys(null, keys.from(), keys.to()));
    }
    List<Intervention.Columns> columns = new ArrayList<>();
    for (int h = chosen.from(); h < chosen.to(); h++) {
      columns.add(
          allKeys
              ? new Intervention.Columns.Head(h)
              : new Intervention.Columns.Keys(h, keys.from(), keys.to()));
    }
    return columns;
  }

  private static List<Intervention.Columns> ranges(
      HookPoint point, List<Integer> shape, Index index) {
    int inner = shape.getLast();
    if (shape.size() == 2) {
      Range chosen = index.part(1).of("element of " + point, inner);
      return List.of(new Intervention.Columns.Range(chosen.from(), chosen.to()));
    }
    String outerAxis = point.site().axes() == HookSite.Axes.FFN ? "expert of " : "head of ";
    Range outer = index.part(1).of(outerAxis + point, shape.get(1));
    Range elements = index.part(2).of("element of " + point, inner);
    if (elements.size() == inner) {
      return List.of(new Intervention.Columns.Range(outer.from() * inner, outer.to() * inner));
    }
    List<Intervention.Columns> columns = new ArrayList<>();
    for (int i = outer.from(); i < outer.to(); i++) {
      columns.add(
          new Intervention.Columns.Range(i * inner + elements.from(), i * inner + elements.to()));
    }
    return columns;
  }

  boolean isAttention() {
    return point.site().axes() == HookSite.Axes.QUERY_KEY;
  }

  /** Returns the number of edited elements of a row; not for attention. */
  int width() {
    return columns.stream().mapToInt(Region::size).sum();
  }

  /** Returns the number of columns; for attention, only of {@code Keys}. */
  static int size(Intervention.Columns columns) {
    return switch (columns) {
      case Intervention.Columns.Range(int begin, int end) -> end - begin;
      case Intervention.Columns.Keys keys -> keys.to() - keys.from();
      default -> throw new IllegalArgumentException(columns + " have no size of their own");
    };
  }

  /** Returns an edit of columns, which includes generated tokens if the region is open. */
  Intervention edit(Intervention.Columns chosen, InterventionKind change) {
    int to = open ? Integer.MAX_VALUE : positions.to();
    return new Intervention(point, null, positions.from(), to, chosen, change);
  }

  /** Returns an edit of columns at the positions of the text. */
  Intervention editOfText(Intervention.Columns chosen, InterventionKind change) {
    return new Intervention(point, null, positions.from(), positions.to(), chosen, change);
  }
}
