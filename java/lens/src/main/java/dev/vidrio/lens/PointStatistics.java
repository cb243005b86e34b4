package dev.vidrio.lens;

import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.HookPoint;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Statistics of an activation [n, width] over the n tokens of a text: per column and, if requested,
 * per row.
 */
public final class PointStatistics {
  private final HookPoint point;
  private final int rows;
  private final double[] sums;
  private final double[] squares;
  private final float[] least;
  private final float[] greatest;
  private final float[] norms;
  private final int k;
  private final int[] ids;
  private final float[] values;

  /**
   * Copies the statistics of columns, and takes ownership of the arrays.
   *
   * @param norms ‖x‖₂ of each row [n], or empty
   * @param k number of elements kept per row
   * @param ids columns of the k largest elements of each row [n, k], in descending order
   * @param values these elements [n, k]
   */
  PointStatistics(
      HookPoint point,
      int rows,
      ColumnStatistics columns,
      float[] norms,
      int k,
      int[] ids,
      float[] values) {
    this.point = point;
    this.rows = rows;
    this.norms = norms;
    this.k = k;
    this.ids = ids;
    this.values = values;
    int width = columns.width();
    this.sums = new double[width];
    this.squares = new double[width];
    this.least = new float[width];
    this.greatest = new float[width];
    for (int j = 0; j < width; j++) {
      sums[j] = columns.sum(0, j);
      squares[j] = columns.squares(0, j);
      least[j] = columns.min(0, j);
      greatest[j] = columns.max(0, j);
    }
  }

  /** Returns the hook point. */
  public HookPoint point() {
    return point;
  }

  /** Returns n, the number of rows. */
  public int rows() {
    return rows;
  }

  /** Returns the number of elements of a row. */
  public int width() {
    return sums.length;
  }

  /** Returns the mean of a column. */
  public double mean(int column) {
    return sums[column] / rows;
  }

  /** Returns the root mean square of a column. */
  public double rms(int column) {
    return Math.sqrt(squares[column] / rows);
  }

  /** Returns the minimum of a column. */
  public float least(int column) {
    return least[column];
  }

  /** Returns the maximum of a column. */
  public float greatest(int column) {
    return greatest[column];
  }

  /** Returns the mean of all elements. */
  public double mean() {
    return Arrays.stream(sums).sum() / rows / width();
  }

  /** Returns the root mean square of all elements. */
  public double rms() {
    return Math.sqrt(Arrays.stream(squares).sum() / rows / width());
  }

  /** Returns the column with the smallest element. */
  public int leastColumn() {
    return IntStream.range(0, width()).reduce(0, (a, b) -> least[b] < least[a] ? b : a);
  }

  /** Returns the column with the largest element. */
  public int greatestColumn() {
    return IntStream.range(0, width()).reduce(0, (a, b) -> greatest[b] > greatest[a] ? b : a);
  }

  /**
   * Returns the columns that are never positive. At inputs of activation functions, {@code
   * hook_pre}, these are dead neurons (Voita et al. 2023, arXiv 2309.04827) with respect to the
   * text.
   */
  public int[] neverPositive() {
    return IntStream.range(0, width()).filter(j -> greatest[j] <= 0).toArray();
  }

  /** Returns ‖x‖₂ of each row, or an empty array if it was not requested. */
  public float[] norms() {
    return norms.clone();
  }

  /** Returns the columns of the largest elements of row i, in descending order. */
  public int[] topColumns(int i) {
    int at = Objects.checkIndex(i, rows) * k;
    return Arrays.copyOfRange(ids, at, at + k);
  }

  /** Returns the largest elements of row i, in descending order. */
  public float[] topValues(int i) {
    int at = Objects.checkIndex(i, rows) * k;
    return Arrays.copyOfRange(values, at, at + k);
  }
}
