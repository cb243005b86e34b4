package dev.vidrio.lens.page;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A table of colored cells: heat maps of patching, logit lenses, scores of heads.
 *
 * @param rowName the name of a row, such as "layer"
 * @param columnName the name of a column, such as "position"
 * @param rows labels, from the top
 * @param columns labels
 * @param measures the values that color cells; if there are several, the reader selects one
 * @param cells texts, [rows][columns]; empty if cells have no text
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
  /** Maps values to colors. */
  public enum Scale {
    /** From the minimum to the maximum. */
    SEQUENTIAL,
    /** From the minimum to the maximum of positive values, by logarithm. */
    LOGARITHMIC,
    /** Symmetric around 0. */
    DIVERGING
  }

  /**
   * Values of the cells.
   *
   * @param name the quantity
   * @param low the value of the first color; null for the minimum
   * @param high the value of the last color; null for the maximum
   * @param values [rows][columns]; null for cells without a value
   */
  public record Measure(
      String name,
      Scale scale,
      @Nullable Double low,
      @Nullable Double high,
      List<List<@Nullable Double>> values) {
    /** Returns a measure with colors from the minimum to the maximum. */
    public static Measure of(String name, Scale scale, double[][] values) {
      return new Measure(name, scale, null, null, nullable(values));
    }

    /** Returns a measure with colors from {@code low} to {@code high}. */
    public static Measure of(String name, Scale scale, double low, double high, double[][] values) {
      return new Measure(name, scale, low, high, nullable(values));
    }

    /** Replaces NaN, which JSON does not support, by null. */
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
   * The text of a cell.
   *
   * @param text in the cell
   * @param lines shown when the reader points at the cell
   * @param path values of this text in the rows of the column, such as the ranks of a token, which
   *     replace the texts when the reader selects the cell; empty for none
   */
  public record Cell(String text, List<String> lines, List<Integer> path) {
    /** Creates the text of a cell that cannot be followed through the rows. */
    public Cell(String text, List<String> lines) {
      this(text, lines, List.of());
    }
  }

  /** Returns a heat map without texts. */
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
