package dev.vidrio.lens.vector;

/** The mean of rows, summed in double. */
public final class RowMean {
  private double[] sum = new double[0];
  private long rows;

  /** Adds a row of the common length. */
  public void add(float[] row) {
    sum = rows == 0 ? new double[row.length] : sum;
    for (int j = 0; j < row.length; j++) {
      sum[j] += row[j];
    }
    rows++;
  }

  /** Adds rows in order. */
  public void addAll(float[][] all) {
    for (float[] row : all) {
      add(row);
    }
  }

  /** Returns the mean. */
  public float[] mean() {
    var mean = new float[sum.length];
    for (int j = 0; j < mean.length; j++) {
      mean[j] = (float) (sum[j] / rows);
    }
    return mean;
  }
}
