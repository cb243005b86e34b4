package dev.vidrio.lens.page;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table of colored cells: heat maps of patching, logit lenses, scores of heads.
 *
 * @param rowName what a row is, such as "layer"
 * @param columnName what a column is, such as "position"
 * @param rows labels, from the top
 * @param columns labels
 * @param measures what colors a cell; if there are several, the reader chooses
 * @param cells texts, [rows][columns]; none where cells have no text
 */
public record Grid(
    String title,
    String note,
    String rowName,
    String columnName,
    List<String> rows,
    List<String> columns,
    List<Measure> measures,
    List<List<Cell>> cells)
    implements View {
  /** How values become colours. */
  public enum Scale {
    /** From the least to the greatest value. */
    SEQUENTIAL,
    /** The same, by logarithm: for values above 0. */
    LOGARITHMIC,
    /** Around 0, equally far to both sides. */
    DIVERGING
  }

  /**
   * Values of the cells.
   *
   * @param name what they are
   * @param low the value of the first colour; null for the least of the values
   * @param high the value of the last colour; null for the greatest
   * @param values [rows][columns]; null where a cell has none
   */
  public record Measure(
      String name,
      Scale scale,
      @Nullable Double low,
      @Nullable Double high,
      List<List<@Nullable Double>> values) {
    /** A measure of the colours' whole range. */
    public static Measure of(String name, Scale scale, double[][] values) {
      return new Measure(name, scale, null, null, nullable(values));
    }

    /** A measure whose first and last colours are of these values. */
    public static Measure of(String name, Scale scale, double low, double high, double[][] values) {
      return new Measure(name, scale, low, high, nullable(values));
    }

    /** JSON has no NaN. */
    private static List<List<@Nullable Double>> nullable(double[][] values) {
      List<List<@Nullable Double>> rows = new ArrayList<>();
      for (double[] row : values) {
        List<@Nullable Double> cells = new ArrayList<>();
        for (double value : row) {
          cells.add(Double.isFinite(value) ? value : null);
        }
        rows.add(cells);
      }
      return rows;
    }
  }

  /**
   * What a cell says.
   *
   * @param text in the cell
   * @param lines what else there is to say when a reader points at it
   */
  public record Cell(String text, List<String> lines) {}

  /** A heat map without texts. */
  public static Grid heatMap(
      String title,
      String note,
      String rowName,
      List<String> rows,
      String columnName,
      List<String> columns,
      List<Measure> measures) {
    return new Grid(title, note, rowName, columnName, rows, columns, measures, List.of());
  }
}
