package dev.vidrio.lens.decode.sae;

import java.util.Arrays;

/** The features of a sparse autoencoder that are active at a token; all others are 0. */
public final class Features {
  private final int[] ids;
  private final float[] values;

  /**
   * Keeps the arrays, which must not change.
   *
   * @param ids of the active features, ascending
   * @param values of each
   */
  Features(int[] ids, float[] values) {
    this.ids = ids;
    this.values = values;
  }

  /** Those of a row [d_sae] that are not 0. */
  static Features of(float[] row) {
    var ids = new int[row.length];
    var values = new float[row.length];
    int count = 0;
    for (int f = 0; f < row.length; f++) {
      if (row[f] != 0) {
        ids[count] = f;
        values[count++] = row[f];
      }
    }
    return new Features(Arrays.copyOf(ids, count), Arrays.copyOf(values, count));
  }

  /** L0: how many are active. */
  public int count() {
    return ids.length;
  }

  /** The number of the i-th active feature. */
  public int id(int i) {
    return ids[i];
  }

  /** The activation of the i-th active feature. */
  public float value(int i) {
    return values[i];
  }

  /** The activation of a feature. */
  public float of(int feature) {
    int i = Arrays.binarySearch(ids, feature);
    return i < 0 ? 0 : values[i];
  }

  /** The same with another activation of one feature; 0 ablates it. */
  public Features with(int feature, float value) {
    int i = Arrays.binarySearch(ids, feature);
    int at = i < 0 ? -i - 1 : i;
    int after = i < 0 ? at : at + 1;
    int added = value == 0 ? 0 : 1;
    int rest = ids.length - after;
    int[] newIds = Arrays.copyOf(ids, at + added + rest);
    float[] newValues = Arrays.copyOf(values, at + added + rest);
    if (added == 1) {
      newIds[at] = feature;
      newValues[at] = value;
    }
    System.arraycopy(ids, after, newIds, at + added, rest);
    System.arraycopy(values, after, newValues, at + added, rest);
    return new Features(newIds, newValues);
  }
}
