package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.Intervention;
import java.lang.foreign.MemorySegment;

/** The values of an edit: one row for all positions, or a row per position. */
final class Rows {
  private final float[] values;
  private final int count;

  /**
   * Wraps values, which must not change.
   *
   * @param values [count, width]
   */
  Rows(float[] values, int count) {
    this.values = values;
    this.count = count;
  }

  /** Returns one number for all elements. */
  static Rows of(float number) {
    return new Rows(new float[] {number}, 1);
  }

  /** Returns the number of rows. */
  int count() {
    return count;
  }

  /** Returns the values of all rows. */
  MemorySegment values() {
    return MemorySegment.ofArray(values);
  }

  int width() {
    return values.length / count;
  }

  /** Rejects values that are not a number, a whole row of the point, or a row of the region. */
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
   * Returns the values of some of the region's columns, [count, columns].
   *
   * @param before the number of the region's columns before these
   */
  MemorySegment of(Region region, Intervention.Columns columns, int before) {
    int size = Region.size(columns);
    var part = new float[count * size];
    int begin =
        columns instanceof Intervention.Columns.Range range && width() != region.width()
            ? range.begin()
            : before;
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < size; j++) {
        part[i * size + j] = values[width() == 1 ? i : i * width() + begin + j];
      }
    }
    return MemorySegment.ofArray(part);
  }
}
