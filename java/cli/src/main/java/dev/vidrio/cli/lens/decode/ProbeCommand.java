package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.LabelledTexts;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.probe.ControlTask;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.decode.probe.Leace;
import dev.vidrio.lens.decode.probe.LinearProbe;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens probe}. */
@Command(
    name = "probe",
    description = {
      "Linear probes: find the layers at which the last token encodes the class of a text.",
      "One line per hook point: accuracy in percent on held-out texts, that of a"
          + " control task with random classes, and that after the classes are erased"
          + " (LEACE).",
      "-o writes two tensors per hook point, with a row per class: HOOK.means, the difference in"
          + " means, and HOOK.weights, the weights of the probe."
    })
public final class ProbeCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TensorOutput output = new TensorOutput();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description = "A file of lines CLASS<TAB>TEXT.")
  private Path file = Path.of("");

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "The hook points to probe. Default: ${DEFAULT-VALUE}.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "logistic",
      description = "Kind of probe: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private LinearProbe.Kind kind = LinearProbe.Kind.LOGISTIC;

  @Option(
      names = "--l2",
      paramLabel = "X",
      defaultValue = "1",
      description = "Penalty of the probe's squared weights. Default: ${DEFAULT-VALUE}.")
  private double l2 = 1;

  @Option(
      names = "--test",
      paramLabel = "FRACTION",
      description = "Share of the texts to hold out. Default: ${DEFAULT-VALUE}.")
  private double test = 0.25;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Random seed. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** The results at a hook point. */
  private record Row(HookPoint point, Examples train, ControlTask task, double erased) {}

  @Override
  public Integer call() throws IOException {
    output.check();
    LabelledTexts texts = LabelledTexts.read(file);
    try (Model opened = model.open()) {
      List<int[]> tokens =
          texts.texts().stream()
              .map(text -> opened.tokenizer().encode(text, EncodeOptions.DEFAULT))
              .toList();
      Map<HookPoint, Examples> examples =
          Examples.ofLastTokens(
              Lens.of(opened), hooks, tokens, texts.labelNumbers(), texts.classes().size());
      List<Row> rows = new ArrayList<>();
      examples.forEach((point, own) -> rows.add(row(opened, point, own)));
      if (output.isWanted()) {
        output.write(opened.name(), directions(rows));
      }
      if (json) {
        Json.print(contents(opened, texts, rows));
      } else {
        print(texts, rows);
      }
    }
    return 0;
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
  private static Map<String, float[][]> directions(List<Row> rows) {
    Map<String, float[][]> directions = new LinkedHashMap<>();
    for (Row row : rows) {
      LinearProbe probe = row.task.probe();
      var means = new float[probe.classes()][];
      var weights = new float[probe.classes()][];
      for (int c = 0; c < probe.classes(); c++) {
        means[c] = row.train.differenceInMeans(c);
        weights[c] = probe.direction(c);
      }
      directions.put(row.point + ".means", means);
      directions.put(row.point + ".weights", weights);
    }
    return directions;
  }

  private static void print(LabelledTexts texts, List<Row> rows) {
    System.out.printf(
        "%d texts, %d classes; accuracy in %%; the most frequent class has %.0f %% of the test"
            + " texts%n",
        texts.texts().size(), texts.classes().size(), 100 * rows.getFirst().task.majority());
    System.out.printf(
        "%-28s %8s %8s %11s %8s%n", "hook", "accuracy", "control", "selectivity", "erased");
    for (Row row : rows) {
      System.out.printf(
          "%-28s %s %8.0f %11.0f %8.0f%n",
          row.point.name(),
          Heat.cell(String.format("%8.0f", 100 * row.task.test()), row.task.test()),
          100 * row.task.control(),
          100 * row.task.selectivity(),
          100 * row.erased);
    }
    Hint.print("'-o FILE.safetensors' writes the directions for --edit.");
  }

  private Map<String, Object> contents(Model opened, LabelledTexts texts, List<Row> rows) {
    Map<String, Object> hooksFound = new LinkedHashMap<>();
    for (Row row : rows) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("train_accuracy", row.task.train());
      entry.put("accuracy", row.task.test());
      entry.put("control_accuracy", row.task.control());
      entry.put("selectivity", row.task.selectivity());
      entry.put("erased_accuracy", row.erased);
      hooksFound.put(row.point.name(), entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("kind", kind.name().toLowerCase(Locale.ROOT));
    result.put("l2", l2);
    result.put("seed", seed);
    result.put("classes", texts.classes());
    result.put("texts", texts.texts().size());
    result.put("majority", rows.getFirst().task.majority());
    result.put("hooks", hooksFound);
    return result;
  }
}
