package dev.vidrio.cli.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.Intervention;
import java.lang.foreign.MemorySegment;

/** Values of an edit: one row for all positions, or one for each. */
final class Rows {
  private final float[] values;
  private final int count;

  /**
   * Keeps the values, which must not change.
   *
   * @param values [count, width]
   */
  Rows(float[] values, int count) {
    this.values = values;
    this.count = count;
  }

  /** The same number everywhere. */
  static Rows of(float number) {
    return new Rows(new float[] {number}, 1);
  }

  /** How many there are. */
  int count() {
    return count;
  }

  /** All of them. */
  MemorySegment values() {
    return MemorySegment.ofArray(values);
  }

  int width() {
    return values.length / count;
  }

  /**
   * Checks that they fit: a number, a whole row of the point, or as many as the region's columns.
   */
  void requireFit(Region region) {
    boolean wide =
        width() == 1
            || (!region.isAttention()
                && (width() == region.rowWidth() || width() == region.width()));
    if (!wide) {
      throw new InvalidInputException(
          "values of " + region.point(),
          Integer.toString(width()),
          region.isAttention()
              ? "must be a number"
              : "must be a number or a row of "
                  + region.width()
                  + (region.width() == region.rowWidth() ? "" : " or " + region.rowWidth()));
    }
    if (count != 1 && count != region.positions().size()) {
      throw new InvalidInputException(
          "values of " + region.point(),
          count + " rows",
          "must be one, or one for each of " + region.positions().size() + " positions");
    }
  }

  /**
   * Those of some of the region's columns, [count, columns].
   *
   * @param before columns of the region before these
   */
  MemorySegment of(Region region, Intervention.Columns columns, int before) {
    int size = Region.size(columns);
    var part = new float[count * size];
    int begin =
        width() == region.width() || !(columns instanceof Intervention.Columns.Range range)
            ? before
            : range.begin();
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < size; j++) {
        part[i * size + j] = values[width() == 1 ? i : i * width() + begin + j];
      }
    }
    return MemorySegment.ofArray(part);
  }
}
