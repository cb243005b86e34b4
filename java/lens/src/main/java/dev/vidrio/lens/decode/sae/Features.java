package dev.vidrio.lens.decode.sae;

import java.util.Arrays;

/** The active features of a sparse autoencoder at a token; all others are 0. Immutable. */
public final class Features {
  private final int[] ids;
  private final float[] values;

  /**
   * Wraps arrays, which must not be modified.
   *
   * @param ids of the active features, ascending
   * @param values of each
   */
  Features(int[] ids, float[] values) {
    this.ids = ids;
    this.values = values;
  }

  /** Returns the nonzero features of a row [d_sae]. */
  public static Features of(float[] row) {
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

  /** Returns the ids, which must not be modified. */
  int[] ids() {
    return ids;
  }

  /** Returns the values of each, which must not be modified. */
  float[] values() {
    return values;
  }

  /** Returns L0, the number of active features. */
  public int count() {
    return ids.length;
  }

  /** Returns the index of the i-th active feature. */
  public int id(int i) {
    return ids[i];
  }

  /** Returns the activation of the i-th active feature. */
  public float value(int i) {
    return values[i];
  }

  /** Returns the activation of a feature. */
  public float of(int feature) {
    int i = Arrays.binarySearch(ids, feature);
    return i < 0 ? 0 : values[i];
  }

  /** Returns the features with another activation of one of them; 0 ablates it. */
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
