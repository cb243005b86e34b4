package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.ActivationStatistics;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.PointStatistics;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens statistics}. */
@Command(
    name = "statistics",
    description = {
      "Computes statistics of activations over a text of any length, without keeping them.",
      "One line per hook point: mean and root mean square of its elements, minimum and maximum with"
          + " their dimensions, mean norm of its rows, and the number of dimensions never above 0."
    })
@JsonHelp("Print JSON with all dimensions and the norms of rows.")
public final class StatisticsCommand extends ModelCommand<ActivationStatistics> {
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "Hook points, separated by commas (see 'vidrio lens hooks').")
  private String hooks = "*.hook_resid_post,*.mlp.hook_pre";

  @Option(
      names = "--window",
      paramLabel = "N",
      description =
          "Tokens per window; longer texts are split. Default: the model's context length, at most"
              + " 4096.")
  private int window;

  @Option(names = "--top", paramLabel = "K", description = "Largest elements of each row in JSON.")
  private int top;

  @Override
  protected ActivationStatistics run(Model opened) {
    ActivationStatistics.Options options =
        OptionValues.of(() -> new ActivationStatistics.Options(window, true, top));
    return ActivationStatistics.of(Lens.of(opened), input.requiredIds(opened), hooks, options);
  }

  @Override
  protected void print(ActivationStatistics statistics) {
    System.out.println(
        "mean, rms, min and max of elements; mean norm; dimensions never above 0 (never)");
    System.out.printf(
        "%-25s %6s %6s %6s %5s %8s %5s %6s %5s%n",
        "hook", "mean", "rms", "min", "dim", "max", "dim", "norm", "never");
    for (PointStatistics point : statistics.points()) {
      int least = point.leastColumn();
      int greatest = point.greatestColumn();
      System.out.printf(
          "%-25s %6s %6s %6s %5d %8s %5d %6s %5d%n",
          point.point(),
          number(point.mean()),
          number(point.rms()),
          number(point.least(least)),
          least,
          number(point.greatest(greatest)),
          greatest,
          number(meanNorm(point)),
          point.neverPositive().length);
    }
  }

  private static double meanNorm(PointStatistics point) {
    float[] norms = point.norms();
    return IntStream.range(0, norms.length).mapToDouble(i -> norms[i]).average().orElse(0);
  }

  /** Formats a number with four significant digits, or all digits before the point if more. */
  private static String number(double value) {
    double size = Math.abs(value);
    int decimals = size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0;
    return String.format("%." + decimals + "f", value);
  }

  @Override
  protected void fill(JsonObject object, ActivationStatistics statistics) {
    var points = new JsonObject();
    for (PointStatistics point : statistics.points()) {
      var entry = new JsonObject();
      entry.put("mean", columns(point, point::mean));
      entry.put("rms", columns(point, point::rms));
      entry.put("least", columns(point, point::least));
      entry.put("greatest", columns(point, point::greatest));
      entry.put("norms", point.norms());
      if (top > 0) {
        entry.put(
            "top",
            IntStream.range(0, point.rows())
                .mapToObj(
                    i ->
                        new JsonObject()
                            .with("dimensions", point.topColumns(i))
                            .with("values", point.topValues(i)))
                .toList());
      }
      points.put(point.point().name(), entry);
    }
    object.put("tokens", statistics.points().getFirst().rows());
    object.put("bytes", statistics.bytes());
    object.put("hooks", points);
  }

  private static List<Double> columns(PointStatistics point, IntToDoubleFunction value) {
    return IntStream.range(0, point.width()).mapToObj(value::applyAsDouble).toList();
  }
}
