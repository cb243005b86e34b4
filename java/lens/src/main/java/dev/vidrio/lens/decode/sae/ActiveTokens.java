package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import java.util.List;

/**
 * The active features of a text in the order of features: a transposed copy of the features of its
 * tokens.
 */
public final class ActiveTokens {
  private final int[] begins;
  private final int[] positions;
  private final float[] values;

  /**
   * Copies features.
   *
   * @param features d_sae
   * @param rows the active features of each token
   * @param first the position of the first of these tokens
   * @throws InvalidInputException if an activation is not finite
   */
  public ActiveTokens(int features, List<Features> rows, int first) {
    this.begins = new int[features + 1];
    for (Features row : rows) {
      for (int i = 0; i < row.count(); i++) {
        begins[row.id(i) + 1]++;
      }
    }
    for (int f = 0; f < features; f++) {
      begins[f + 1] += begins[f];
    }
    this.positions = new int[begins[features]];
    this.values = new float[begins[features]];
    int[] next = begins.clone();
    for (int r = 0; r < rows.size(); r++) {
      Features row = rows.get(r);
      for (int i = 0; i < row.count(); i++) {
        float value = row.value(i);
        if (!Float.isFinite(value)) {
          throw new InvalidInputException(
              "activation of feature " + row.id(i), Float.toString(value), "must be finite");
        }
        int at = next[row.id(i)]++;
        positions[at] = first + r;
        values[at] = value;
      }
    }
  }

  /** Returns the index of a feature's first active token; that of the next feature is its end. */
  public int begin(int feature) {
    return begins[feature];
  }

  /** Returns the position of an active token. */
  public int position(int i) {
    return positions[i];
  }

  /** Returns the activation at an active token. */
  public float value(int i) {
    return values[i];
  }
}
