package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.resolve.Preconditions;

/** The means of activations and of their norms, by which a training scales them. Immutable. */
public final class ActivationMeans {
  private final int[] widths;
  private final double[] lengths;
  private final double[] sums;
  private final int size;

  /**
   * Reads all rows.
   *
   * @param widths of the activations that a row concatenates
   */
  public ActivationMeans(ActivationRows rows, int... widths) {
    this.widths = widths.clone();
    this.lengths = new double[widths.length];
    int columns = 0;
    for (int width : widths) {
      columns += width;
    }
    this.sums = new double[columns];
    this.size = rows.size();
    var row = new float[columns];
    for (int i = 0; i < size; i++) {
      rows.copy(i, row);
      int j = 0;
      for (int s = 0; s < widths.length; s++) {
        double squares = 0;
        for (int end = j + widths[s]; j < end; j++) {
          sums[j] += row[j];
          squares += (double) row[j] * row[j];
        }
        lengths[s] += Math.sqrt(squares);
      }
    }
  }

  /**
   * Returns the factor that gives an activation a mean norm of √d.
   *
   * @param s its index in a row
   * @throws InvalidInputException if all rows are zeros, or one is not finite
   */
  public float scale(int s) {
    double length = lengths[s] / size;
    boolean valid = length > 0 && Double.isFinite(length);
    Preconditions.require(
        valid, "activations", "of mean length " + length, "must be finite, and not all zeros");
    return (float) (Math.sqrt(widths[s]) / length);
  }

  /** Returns the mean of element j of the rows, times a scale. */
  public float mean(int j, float scale) {
    return (float) (scale * sums[j] / size);
  }
}
