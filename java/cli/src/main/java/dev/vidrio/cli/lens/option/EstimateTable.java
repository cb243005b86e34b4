package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.Grid.Measure;
import dev.vidrio.lens.page.Grid.Scale;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Means by layer, in columns. */
public final class EstimateTable {
  private EstimateTable() {}

  private static String name(Object column) {
    return column instanceof Enum<?> value
        ? value.name().toLowerCase(Locale.ROOT)
        : column.toString();
  }

  /** Prints a row per layer, in percent. */
  public static void print(Map<?, List<Estimate>> columns) {
    print(columns, EstimateText::percent);
  }

  /** Prints a row per layer. */
  public static void print(Map<?, List<Estimate>> columns, Function<Estimate, String> text) {
    var header = new StringBuilder("layer");
    columns.keySet().forEach(c -> header.append(String.format(Locale.ROOT, "%15s", name(c))));
    System.out.println(header);
    for (int l = 0; l < layers(columns); l++) {
      int layer = l;
      var line = new StringBuilder(String.format(Locale.ROOT, "%-5s", "L" + l));
      columns
          .values()
          .forEach(
              layers ->
                  line.append(String.format(Locale.ROOT, "%15s", text.apply(layers.get(layer)))));
      System.out.println(line);
    }
  }

  private static int layers(Map<?, List<Estimate>> columns) {
    return columns.values().stream().mapToInt(List::size).max().orElse(0);
  }

  /** Returns a list of layers by column. */
  public static JsonObject toJson(Map<?, List<Estimate>> columns) {
    var object = new JsonObject();
    columns.forEach((column, layers) -> object.put(name(column), EstimateText.toJson(layers)));
    return object;
  }

  /** Returns a grid with layers as rows. */
  public static Grid grid(
      String title, String note, String measure, Map<?, List<Estimate>> columns) {
    var means = new double[layers(columns)][];
    var widths = new double[means.length][];
    for (int l = 0; l < means.length; l++) {
      int layer = l;
      means[l] = columns.values().stream().mapToDouble(c -> c.get(layer).mean()).toArray();
      widths[l] = columns.values().stream().mapToDouble(c -> c.get(layer).halfWidth()).toArray();
    }
    List<Measure> measures = new ArrayList<>();
    measures.add(Measure.of(measure, Scale.DIVERGING, means));
    measures.add(Measure.of("half width of the 95 % interval", Scale.SEQUENTIAL, widths));
    return Grid.heatMap(
        title,
        note,
        "layer",
        IntStream.range(0, means.length).mapToObj(l -> "L" + l).toList(),
        "part",
        columns.keySet().stream().map(EstimateTable::name).toList(),
        measures);
  }
}
