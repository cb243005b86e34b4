package dev.vidrio.lens;

import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.lens.hook.HookPoint;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Statistics of an activation [n, width] over the n tokens of a text: for each column, and as
 * requested for each row.
 */
public final class PointStatistics {
  private final HookPoint point;
  private final int rows;
  private final double[] sums;
  private final double[] squares;
  private final float[] least;
  private final float[] greatest;
  private final Rows ofRows;

  /** What is known of rows. */
  static final class Rows {
    private final float[] norms;
    private final int k;
    private final int[] ids;
    private final float[] values;

    /**
     * Takes the arrays over.
     *
     * @param norms ‖x‖₂ [n], or none
     * @param k elements of a row that are kept
     * @param ids columns of the k greatest elements [n, k], in descending order
     * @param values these elements [n, k]
     */
    Rows(float[] norms, int k, int[] ids, float[] values) {
      this.norms = norms;
      this.k = k;
      this.ids = ids;
      this.values = values;
    }
  }

  PointStatistics(HookPoint point, int rows, ColumnStatistics columns, Rows ofRows) {
    this.point = point;
    this.rows = rows;
    this.ofRows = ofRows;
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

  /** Which activation. */
  public HookPoint point() {
    return point;
  }

  /** n. */
  public int rows() {
    return rows;
  }

  /** Elements of a row. */
  public int width() {
    return sums.length;
  }

  /** The mean of a column. */
  public double mean(int column) {
    return sums[column] / rows;
  }

  /** The root of the mean square of a column. */
  public double rms(int column) {
    return Math.sqrt(squares[column] / rows);
  }

  /** The least element of a column. */
  public float least(int column) {
    return least[column];
  }

  /** The greatest element of a column. */
  public float greatest(int column) {
    return greatest[column];
  }

  /** The mean of all elements. */
  public double mean() {
    return Arrays.stream(sums).sum() / rows / width();
  }

  /** The root of the mean square of all elements. */
  public double rms() {
    return Math.sqrt(Arrays.stream(squares).sum() / rows / width());
  }

  /** The column with the least element. */
  public int leastColumn() {
    return IntStream.range(0, width()).reduce(0, (a, b) -> least[b] < least[a] ? b : a);
  }

  /** The column with the greatest element. */
  public int greatestColumn() {
    return IntStream.range(0, width()).reduce(0, (a, b) -> greatest[b] > greatest[a] ? b : a);
  }

  /**
   * Columns that are never above 0. Of what nonlinearities take, {@code hook_pre}, they are dead
   * neurons (Voita et al. 2023, arXiv 2309.04827), as far as the text tells.
   */
  public int[] neverPositive() {
    return IntStream.range(0, width()).filter(j -> greatest[j] <= 0).toArray();
  }

  /** ‖x‖₂ of each row, where it was asked for; else none. */
  public float[] norms() {
    return ofRows.norms.clone();
  }

  /** The columns of the greatest elements of row i, in descending order. */
  public int[] topColumns(int i) {
    int at = Objects.checkIndex(i, rows) * ofRows.k;
    return Arrays.copyOfRange(ofRows.ids, at, at + ofRows.k);
  }

  /** The greatest elements of row i, in descending order. */
  public float[] topValues(int i) {
    int at = Objects.checkIndex(i, rows) * ofRows.k;
    return Arrays.copyOfRange(ofRows.values, at, at + ofRows.k);
  }
}
