package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.AdaptedLens;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.intervene.ModelComparison;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.Grid.Measure;
import dev.vidrio.lens.page.Grid.Scale;
import dev.vidrio.lens.page.View;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens compare}. */
@Command(
    name = "compare",
    description = {
      "Cross-model patching: finds where a model and the same model with an adapter differ.",
      "The residual stream of one is replaced, at a layer and a position, by that of the other. The"
          + " table shows the share of the difference of their metrics that follows, from 0 (the"
          + " patched model) to 100 (the other one). 'all' is all positions of a layer, or all"
          + " layers."
    })
public final class CompareCommand extends TextCommand<CompareCommand.Found> {
  /** The model that is patched. */
  private enum Into {
    BASE,
    ADAPTED
  }

  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--adapter",
      paramLabel = "FILE[=STRENGTH]",
      required = true,
      description = "A LoRA adapter for the model: a GGUF file or a PEFT directory.")
  private AdapterFile adapter = new AdapterFile(Path.of(""), 1);

  @Option(
      names = "--into",
      paramLabel = "MODEL",
      defaultValue = "base",
      description = "The model that is patched: ${COMPLETION-CANDIDATES}.")
  private Into into = Into.BASE;

  /** The comparison. */
  record Found(Measured measured, ModelComparison comparison) {
    /** Returns the shares of the grid with a last column and a last row for all. */
    List<List<Double>> shares() {
      List<List<Double>> rows = new ArrayList<>();
      for (int l = 0; l < comparison.patched().size(); l++) {
        rows.add(
            Stream.concat(
                    comparison.patched().get(l).stream(), Stream.of(comparison.byLayer().get(l)))
                .map(comparison::share)
                .toList());
      }
      rows.add(
          Stream.concat(comparison.byPosition().stream(), Stream.of(comparison.whole()))
              .map(comparison::share)
              .toList());
      return rows;
    }
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    try (AdaptedLens adapted = AdaptedLens.open(lens, adapter)) {
      Measured measured = target.of(lens, tokens, metric, MetricKind.LOGPROB);
      int[] text = use(measured.text());
      return new Found(
          measured,
          into == Into.BASE
              ? ModelComparison.of(lens, adapted.lens(), text, measured.metric())
              : ModelComparison.of(adapted.lens(), lens, text, measured.metric()));
    }
  }

  private List<String> rows(Found found) {
    return Stream.concat(
            IntStream.range(0, found.comparison.patched().size()).mapToObj(l -> "L" + l),
            Stream.of("all"))
        .toList();
  }

  private List<String> columns() {
    return Stream.concat(
            IntStream.range(0, tokens().length).mapToObj(Integer::toString), Stream.of("all"))
        .toList();
  }

  @Override
  protected void print(Found found) {
    ModelComparison comparison = found.comparison;
    boolean base = into == Into.BASE;
    System.out.printf(
        "%s: without the adapter %.3f, with it %.3f%n",
        found.measured.name(),
        base ? comparison.own() : comparison.other(),
        base ? comparison.other() : comparison.own());
    System.out.println(" pos token");
    for (int p = 0; p < tokens().length; p++) {
      System.out.printf("%4d %s%n", p, TokenText.of(model(), tokens()[p]));
    }
    System.out.printf(
        "%% of the difference after patching a layer (row) at a position (column) into the model %s"
            + " the adapter%n",
        base ? "without" : "with");
    HeatMap.print(rows(found), columns(), found.shares());
    Hint.print("'vidrio lens patch' compares two texts in one model.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("tokens", tokens());
    found.measured.fill(object);
    object.put("into", into.name().toLowerCase(Locale.ROOT));
    object.put("metric", found.comparison.own());
    object.put("other_metric", found.comparison.other());
    object.put("patched", found.comparison.patched());
    object.put("by_layer", found.comparison.byLayer());
    object.put("by_position", found.comparison.byPosition());
    object.put("whole", found.comparison.whole());
  }

  @Override
  protected List<? extends View> views(Found found) {
    double[][] shares =
        found.shares().stream()
            .map(row -> row.stream().mapToDouble(Double::doubleValue).toArray())
            .toArray(double[][]::new);
    List<String> columns = new ArrayList<>();
    for (int token : tokens()) {
      columns.add(model().tokenizer().piece(token));
    }
    columns.add("all");
    return List.of(
        Grid.heatMap(
            "Cross-model patching",
            String.format(
                Locale.ROOT,
                "Share of the difference of the models that follows the residual stream: %s, %.3f"
                    + " in the patched model, %.3f in the other.",
                found.measured.name(),
                found.comparison.own(),
                found.comparison.other()),
            "layer",
            rows(found),
            "token",
            columns,
            List.of(Measure.of("share", Scale.DIVERGING, shares))));
  }
}
