package dev.vidrio.cli.io;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A table of numbers as text, with cells in percent: 100 is 1. */
public final class HeatMap {
  /** Characters per line; more columns follow in another block. */
  private static final int WIDTH = 80;

  private static final int CELL = 5;

  private final boolean color;

  /**
   * @param color true if cells have a background, as of {@link Heat#signed}
   */
  public HeatMap(boolean color) {
    this.color = color;
  }

  /** Prints a table with labels, in color on a terminal. */
  public static void print(List<String> rows, List<String> columns, List<List<Double>> values) {
    var map = new HeatMap(Terminal.OUT.isTerminal());
    map.lines(rows, columns, values).forEach(System.out::println);
  }

  /** Returns the lines of a table with labels. */
  public List<String> lines(List<String> rows, List<String> columns, List<List<Double>> values) {
    int label = rows.stream().mapToInt(String::length).max().orElse(0);
    int cells = Math.max(1, (WIDTH - label) / CELL);
    return IntStream.iterate(0, first -> first < columns.size(), first -> first + cells)
        .boxed()
        .flatMap(
            first -> {
              int end = Math.min(columns.size(), first + cells);
              List<String> lines =
                  IntStream.range(0, rows.size())
                      .mapToObj(
                          row -> line(rows.get(row), label, values.get(row).subList(first, end)))
                      .collect(Collectors.toList());
              lines.addFirst(
                  " ".repeat(label)
                      + columns.subList(first, end).stream()
                          .map(column -> ("%" + CELL + "s").formatted(column))
                          .collect(Collectors.joining()));
              return lines.stream();
            })
        .toList();
  }

  /**
   * Returns the rows with the largest distances from a value, in ascending order.
   *
   * @param count the number of rows, at most
   */
  public static int[] strongest(List<List<Double>> values, double from, int count) {
    return IntStream.range(0, values.size())
        .boxed()
        .sorted(
            Comparator.comparingDouble(
                row ->
                    -values.get(row).stream()
                        .mapToDouble(value -> Math.abs(value - from))
                        .max()
                        .orElse(0)))
        .limit(Math.max(0, count))
        .sorted()
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private String line(String label, int width, List<Double> values) {
    return label
        + " ".repeat(width - label.length())
        + values.stream().map(this::cell).collect(Collectors.joining());
  }

  private String cell(double value) {
    String text = ("%" + CELL + "d").formatted(Math.round(100 * value));
    return color ? Heat.signed(text, value) : text;
  }
}
