package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.LabelledTexts;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.probe.ControlTask;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.decode.probe.Leace;
import dev.vidrio.lens.decode.probe.LinearProbe;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens probe}. */
@Command(
    name = "probe",
    description = {
      "Linear probes: find the layers at which the last token encodes the class of a text.",
      "One line per hook point: accuracy in percent on held-out texts, that of a control task with"
          + " random classes, and that after the classes are erased (LEACE).",
      "-o writes two tensors per hook point, with a row per class: HOOK.means, the difference in"
          + " means, and HOOK.weights, the weights of the probe."
    })
public final class ProbeCommand extends ModelCommand<ProbeCommand.Found> {
  @Mixin private TensorOutput output = new TensorOutput();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description = "A file of lines CLASS<TAB>TEXT.")
  private Path file = Path.of("");

  @Option(names = "--hooks", paramLabel = "NAMES", description = "The hook points to probe.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "logistic",
      description = "Kind of probe: ${COMPLETION-CANDIDATES}.")
  private LinearProbe.Kind kind = LinearProbe.Kind.LOGISTIC;

  @Option(
      names = "--l2",
      paramLabel = "X",
      defaultValue = "1",
      description = "Penalty of the probe's squared weights.")
  private double l2 = 1;

  @Option(
      names = "--test",
      paramLabel = "FRACTION",
      description = "Share of the texts to hold out.")
  private double test = 0.25;

  @Option(names = "--seed", paramLabel = "N", description = "Random seed.")
  private long seed;

  /** The results at a hook point. */
  private record Row(HookPoint point, Examples train, ControlTask task, double erased) {}

  /** The results at all hook points. */
  record Found(LabelledTexts texts, List<Row> rows) {
    double majority() {
      return rows.getFirst().task.majority();
    }
  }

  @Override
  protected void check() {
    output.check();
  }

  @Override
  protected Found run(Model opened) throws IOException {
    LabelledTexts texts = LabelledTexts.read(file);
    List<int[]> tokens = texts.texts().stream().map(opened.tokenizer()::encode).toList();
    Map<HookPoint, Examples> examples =
        Examples.ofLastTokens(
            Lens.of(opened), hooks, tokens, texts.labelNumbers(), texts.classes().size());
    List<Row> rows = new ArrayList<>();
    examples.forEach((point, own) -> rows.add(row(opened, point, own)));
    if (output.isWanted()) {
      output.write(opened.name(), directions(rows));
    }
    return new Found(texts, rows);
  }

  private Row row(Model opened, HookPoint point, Examples examples) {
    Examples.Split split = examples.split(test, seed);
    ControlTask task = ControlTask.of(opened.executor(), split, kind, l2, seed);
    Leace leace = Leace.fit(split.train());
    Examples train = leace.erase(split.train());
    LinearProbe probe = LinearProbe.fit(kind, opened.executor(), train, l2);
    return new Row(point, split.train(), task, probe.accuracy(leace.erase(split.test())));
  }

  /** Returns the directions of each class, from the training texts. */
  private static Map<String, List<float[]>> directions(List<Row> rows) {
    Map<String, List<float[]>> directions = new LinkedHashMap<>();
    for (Row row : rows) {
      LinearProbe probe = row.task.probe();
      directions.put(row.point + ".means", each(probe, row.train::differenceInMeans));
      directions.put(row.point + ".weights", each(probe, probe::direction));
    }
    return directions;
  }

  private static List<float[]> each(LinearProbe probe, IntFunction<float[]> direction) {
    return IntStream.range(0, probe.classes()).mapToObj(direction).toList();
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%d texts, %d classes; accuracy in %%; the most frequent class has %.0f %% of the test"
            + " texts%n",
        found.texts.texts().size(), found.texts.classes().size(), 100 * found.majority());
    System.out.printf(
        "%-28s %8s %8s %11s %8s%n", "hook", "accuracy", "control", "selectivity", "erased");
    for (Row row : found.rows) {
      System.out.printf(
          "%-28s %s %8.0f %11.0f %8.0f%n",
          row.point.name(),
          Heat.cell("%8.0f".formatted(100 * row.task.test()), row.task.test()),
          100 * row.task.control(),
          100 * row.task.selectivity(),
          100 * row.erased);
    }
    Hint.print("'-o FILE.safetensors' writes the directions for --edit.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var points = new JsonObject();
    for (Row row : found.rows) {
      points.put(
          row.point.name(),
          new JsonObject()
              .with("train_accuracy", row.task.train())
              .with("accuracy", row.task.test())
              .with("control_accuracy", row.task.control())
              .with("selectivity", row.task.selectivity())
              .with("erased_accuracy", row.erased));
    }
    object.put("kind", kind.name().toLowerCase(Locale.ROOT));
    object.put("l2", l2);
    object.put("seed", seed);
    object.put("classes", found.texts.classes());
    object.put("texts", found.texts.texts().size());
    object.put("majority", found.majority());
    object.put("hooks", points);
  }
}
