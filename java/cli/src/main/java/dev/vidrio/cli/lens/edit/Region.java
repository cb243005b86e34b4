package dev.vidrio.cli.lens.edit;

import dev.vidrio.cli.lens.edit.Index.Range;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of an activation that an edit changes.
 *
 * @param tokens of the text
 * @param positions of the text, those that change
 * @param open whether tokens generated behind the text belong to it
 * @param rowWidth elements of a row; 0 of attention, whose rows grow with the text
 * @param columns of a row, side by side where they can be
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
   * The part that an index means.
   *
   * @param shape of the point's activation of one token
   * @param tokens of the text
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

  /** Elements of a row that change; not of attention. */
  int width() {
    return columns.stream().mapToInt(Region::size).sum();
  }

  /** How many columns there are; of attention only where keys are chosen. */
  static int size(Intervention.Columns columns) {
    return switch (columns) {
      case Intervention.Columns.Range(int begin, int end) -> end - begin;
      case Intervention.Columns.Keys keys -> keys.to() - keys.from();
      default -> throw new IllegalArgumentException(columns + " have no size of their own");
    };
  }

  /** An edit of these columns, also of tokens that are generated where the region is open. */
  Intervention edit(Intervention.Columns chosen, InterventionKind change) {
    int to = open ? Integer.MAX_VALUE : positions.to();
    return new Intervention(point, null, positions.from(), to, chosen, change);
  }

  /** An edit of these columns at the positions of the text. */
  Intervention editOfText(Intervention.Columns chosen, InterventionKind change) {
    return new Intervention(point, null, positions.from(), positions.to(), chosen, change);
  }
}
