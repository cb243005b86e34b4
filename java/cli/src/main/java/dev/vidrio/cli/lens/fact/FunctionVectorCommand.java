package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.lens.option.TabbedLines;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.task.FunctionVectors;
import dev.vidrio.lens.task.FunctionVectors.Options;
import dev.vidrio.lens.task.FunctionVectors.Result;
import dev.vidrio.lens.task.Task;
import dev.vidrio.lens.task.Task.Pair;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens function-vector}. */
@Command(
    name = "function-vector",
    description = {
      "Function vectors: finds the heads that carry a task shown by examples, and the vector that"
          + " makes the model perform it without them.",
      "Heads are found by their effect on the probability of the right output, or another --metric"
          + " of it.",
      "Prompts have the form \"Q: input\\nA: output\". Accuracies, in percent, are of queries that"
          + " no other prompt contains, by the layer after which the vector is added. control: the"
          + " vector of prompts with exchanged outputs; task vector: the layer's mean residual"
          + " stream replaces that of the prompt."
    })
public final class FunctionVectorCommand extends PageCommand<FunctionVectors> {
  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "A file with a pair on each line: the name of the task, the input and the output,"
              + " separated by tab characters.")
  private Path file = Path.of("");

  @Option(names = "--shots", paramLabel = "N", description = "Examples per prompt.")
  private int shots = Options.DEFAULT.shots();

  @Option(names = "--prompts", paramLabel = "N", description = "Prompts per task.")
  private int prompts = Options.DEFAULT.prompts();

  @Option(names = "--heads", paramLabel = "N", description = "Heads of the vectors.")
  private int heads = Options.DEFAULT.heads();

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the order of examples.")
  private long seed;

  @Option(
      names = "--save",
      paramLabel = "FILE.safetensors",
      description = "Write the vectors, by the names of the tasks, for --edit of other commands.")
  private @Nullable Path save;

  @Override
  protected void check() {
    super.check();
    if (spec().kind().needsWrong()) {
      throw new UsageException(
          "--metric " + spec().kind().key() + ": tasks do not have wrong answers");
    }
    if (!spec().answers().isEmpty()) {
      throw new UsageException("--metric: the answers are those of the tasks");
    }
    if (save != null) {
      OutputFile.check(save, ".safetensors");
    }
  }

  @Override
  protected FunctionVectors run(Model opened) throws IOException {
    Map<String, List<Pair>> pairs = new LinkedHashMap<>();
    for (List<String> row : TabbedLines.read(file, 3, 3, "a task, an input and an output")) {
      pairs
          .computeIfAbsent(row.get(0), ignored -> new ArrayList<>())
          .add(new Pair(row.get(1), row.get(2)));
    }
    List<Task> tasks = new ArrayList<>();
    pairs.forEach((name, all) -> tasks.add(new Task(name, all)));
    Lens lens = Lens.of(opened);
    FunctionVectors vectors =
        FunctionVectors.of(
            lens,
            tasks,
            OptionValues.of(() -> new Options(shots, prompts, heads, seed)),
            (tokens, answer) ->
                spec().bind(opened, List.of("#" + answer), List.of(), "").metric(lens, tokens));
    if (save != null) {
      write(save, vectors);
    }
    return vectors;
  }

  private MetricSpec spec() {
    return metric.or(MetricKind.PROB);
  }

  private void write(Path target, FunctionVectors vectors) throws IOException {
    List<SafetensorsWriter.Entry> entries =
        vectors.tasks().stream()
            .map(
                task ->
                    new SafetensorsWriter.Entry(
                        task.name(), Dtype.F32, List.of(1L, (long) task.vector().size())))
            .toList();
    try (var writer = SafetensorsWriter.create(target, entries, Map.of("model", modelName()))) {
      for (Result task : vectors.tasks()) {
        var vector = new float[task.vector().size()];
        for (int j = 0; j < vector.length; j++) {
          vector[j] = task.vector().get(j);
        }
        writer.write(task.name(), vector);
      }
      writer.finish();
    }
  }

  @Override
  protected void print(FunctionVectors vectors) {
    MetricKind kind = spec().kind();
    System.out.printf(
        "heads by average indirect effect on the %s of the answer, in %s%n",
        kind.label(), EstimateText.isPercent(kind) ? "percentage points" : kind.unit());
    for (int head : vectors.selected()) {
      System.out.printf(
          "%-8s %14s%n",
          vectors.heads().get(head), EstimateText.of(kind).apply(vectors.effects().get(head)));
    }
    System.out.printf(
        "%naccuracy in %% with %d examples, with exchanged outputs, without examples, and then with"
            + " the best layer's vector%n",
        shots);
    System.out.printf(
        "%-14s %7s %8s %9s %5s %11s %11s %11s%n",
        "task", "queries", "examples", "exchanged", "none", "vector", "control", "task vector");
    Map<String, List<Estimate>> byLayer = new LinkedHashMap<>();
    for (Result task : vectors.tasks()) {
      byLayer.put(task.name(), task.withVector());
      System.out.printf(
          "%-14s %7d %8.0f %9.0f %5.0f %11s %11s %11s%n",
          task.name(),
          task.alone().count(),
          100 * task.demonstrated().mean(),
          100 * task.mixed().mean(),
          100 * task.alone().mean(),
          best(task.withVector()),
          best(task.withControl()),
          best(task.withTaskVector()));
    }
    System.out.printf("%naccuracy in %% with the function vector by layer, ± 95 %% interval%n");
    EstimateTable.print(byLayer);
    Hint.print("--save FILE.safetensors writes the vectors for 'vidrio lens edit'.");
  }

  /** Returns the highest accuracy and its first layer. */
  private static String best(List<Estimate> layers) {
    int best = 0;
    for (int l = 1; l < layers.size(); l++) {
      best = layers.get(l).mean() > layers.get(best).mean() ? l : best;
    }
    return String.format(Locale.ROOT, "%.0f at L%d", 100 * layers.get(best).mean(), best);
  }

  private static Map<String, List<Estimate>> columns(Result task) {
    Map<String, List<Estimate>> columns = new LinkedHashMap<>();
    columns.put("vector", task.withVector());
    columns.put("control", task.withControl());
    columns.put("task vector", task.withTaskVector());
    return columns;
  }

  @Override
  protected void fill(JsonObject object, FunctionVectors vectors) {
    object.put("metric_kind", spec().kind().key());
    object.put("shots", shots);
    object.put("prompts", prompts);
    object.put("selected", vectors.selected().stream().map(vectors.heads()::get).toList());
    var effects = new JsonObject();
    for (int h = 0; h < vectors.heads().size(); h++) {
      effects.put(vectors.heads().get(h), EstimateText.toJson(vectors.effects().get(h)));
    }
    object.put("effects", effects);
    object.put("tasks", vectors.tasks().stream().map(FunctionVectorCommand::toJson).toList());
  }

  private static JsonObject toJson(Result task) {
    return new JsonObject()
        .with("name", task.name())
        .with("demonstrated", EstimateText.toJson(task.demonstrated()))
        .with("exchanged", EstimateText.toJson(task.mixed()))
        .with("alone", EstimateText.toJson(task.alone()))
        .with("with_vector", EstimateText.toJson(task.withVector()))
        .with("with_control", EstimateText.toJson(task.withControl()))
        .with("with_task_vector", EstimateText.toJson(task.withTaskVector()));
  }

  @Override
  protected List<? extends View> views(FunctionVectors vectors) {
    List<View> views = new ArrayList<>();
    List<Bars.Bar> bars = new ArrayList<>();
    for (int h = 0; h < vectors.heads().size(); h++) {
      bars.add(new Bars.Bar(vectors.heads().get(h), vectors.effects().get(h).mean()));
    }
    views.add(
        new Bars(
            "Heads that carry tasks",
            "Average indirect effect on the " + spec().kind().label() + " of the right answer.",
            bars));
    for (Result task : vectors.tasks()) {
      views.add(
          EstimateTable.grid(
              "Function vector: " + task.name(),
              "Accuracy without examples, by the layer after which a vector is added.",
              "accuracy",
              columns(task)));
    }
    return views;
  }
}
