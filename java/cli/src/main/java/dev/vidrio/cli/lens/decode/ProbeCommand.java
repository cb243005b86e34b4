package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.LabelsOption;
import dev.vidrio.cli.lens.option.ProbeOption;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.probe.ConceptDirections;
import dev.vidrio.lens.decode.probe.ControlTask;
import dev.vidrio.lens.decode.probe.DescriptionLength;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.decode.probe.Leace;
import dev.vidrio.lens.decode.probe.LinearProbe;
import dev.vidrio.lens.decode.probe.Probe;
import dev.vidrio.lens.decode.probe.SparseProbe;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens probe}. */
@Command(
    name = "probe",
    description = {
      "Probes: find the layers that encode the class of a text, at its last token, or of a word.",
      "One line per hook point: accuracy in percent on held-out texts, that of a control task with"
          + " random classes, and that after the classes are erased (LEACE).",
      "-o writes tensors with a row per class for each hook point: HOOK.means, the difference in"
          + " means; HOOK.pca, the first principal component of differences; HOOK.k_means, the"
          + " difference of centroids of clusters; HOOK.weights, the weights of a linear probe."
    })
public final class ProbeCommand extends ModelCommand<ProbeCommand.Found> {
  /** Maximum number of elements of a sparse probe in the table. */
  private static final int SHOWN = 6;

  @Mixin private LabelsOption labels = new LabelsOption();
  @Mixin private ProbeOption probes = new ProbeOption();
  @Mixin private TensorOutput output = new TensorOutput();

  @Option(names = "--hooks", paramLabel = "NAMES", description = "The hook points to probe.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--mdl",
      description =
          "Also measure how easily the classes are learned: usable information and description"
              + " length by the online code, in bits.")
  private boolean mdl;

  /**
   * The results at a hook point.
   *
   * @param erased accuracy after the classes are erased
   * @param information only for {@code --mdl}
   * @param length only for {@code --mdl}
   */
  private record Row(
      HookPoint point,
      ControlTask task,
      double erased,
      @Nullable Information information,
      @Nullable DescriptionLength length) {}

  /** Mean bits per held-out class: by the frequencies of classes, and by the probe. */
  private record Information(double marginal, double conditional) {
    double usable() {
      return marginal - conditional;
    }
  }

  /** The results at all hook points. */
  record Found(LabelsOption.Labels labels, List<Row> rows) {
    double majority() {
      return rows.getFirst().task.majority();
    }
  }

  @Override
  protected void check() {
    output.check();
    if (mdl && probes.kind() == ProbeOption.Kind.RIDGE) {
      throw new UsageException(
          "--kind: ridge: has no probabilities, which --mdl needs; use logistic, sparse or mlp");
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    LabelsOption.Labels read = labels.read(opened);
    Lens lens = Lens.of(opened);
    int points = lens.points(hooks).size();
    List<Row> rows = new ArrayList<>();
    Map<String, List<float[]>> directions = new LinkedHashMap<>();
    try (var bar = new ProgressBar("probing")) {
      labels.forEach(
          lens,
          hooks,
          read,
          (point, examples) -> {
            Examples.Split split = labels.split(examples);
            rows.add(row(opened, point, examples, split));
            if (output.isWanted()) {
              addDirections(directions, rows.getLast(), split.train());
            }
            bar.update(rows.size() / (double) points, point.name());
          });
    }
    if (output.isWanted()) {
      output.write(modelName(), directions);
    }
    return new Found(read, rows);
  }

  private Row row(Model opened, HookPoint point, Examples examples, Examples.Split split) {
    Probe.Trainer trainer = probes.trainer(opened.executor(), labels.seed());
    ControlTask task = ControlTask.of(split, trainer, labels.seed());
    Leace leace = Leace.fit(split.train());
    Probe probe = trainer.fit(leace.erase(split.train()));
    return new Row(
        point,
        task,
        probe.accuracy(leace.erase(split.test())),
        mdl ? information(task.probe(), split) : null,
        mdl ? DescriptionLength.of(examples.shuffled(labels.seed()), trainer) : null);
  }

  private static Information information(Probe probe, Examples.Split split) {
    return new Information(
        split.train().crossEntropyOfFrequencies(split.test()), probe.crossEntropy(split.test()));
  }

  /** Adds the directions of each class, from the training texts. */
  private void addDirections(Map<String, List<float[]>> directions, Row row, Examples train) {
    Probe probe = row.task.probe();
    for (ConceptDirections.Method method : ConceptDirections.Method.values()) {
      directions.put(
          row.point + "." + method.name().toLowerCase(Locale.ROOT),
          each(probe, c -> method.of(train, c, labels.seed())));
    }
    if (probe instanceof LinearProbe linear) {
      directions.put(row.point + ".weights", each(probe, linear::direction));
    }
  }

  private static List<float[]> each(Probe probe, IntFunction<float[]> direction) {
    return IntStream.range(0, probe.classes()).mapToObj(direction).toList();
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%d %s, %d classes; accuracy in %%; the most frequent class has %.0f %% of the test"
            + " %s%n",
        found.labels.count(),
        found.labels.unit(),
        found.labels.classes().size(),
        100 * found.majority(),
        found.labels.unit());
    if (mdl) {
      System.out.printf(
          "bits per class: without activations %.2f; V-info is how many of them the probe saves on"
              + " the test %s%n"
              + "MDL: bits of the online code of all classes; ratio: that of the uniform code, %.0f"
              + " bits, to it%n",
          information(found.rows.getFirst()).marginal,
          found.labels.unit(),
          length(found.rows.getFirst()).uniform());
    }
    boolean sparse = probes.kind() == ProbeOption.Kind.SPARSE;
    System.out.printf(
        "%-28s %8s %8s %11s %8s%s%s%n",
        "hook",
        "accuracy",
        "control",
        "selectivity",
        "erased",
        mdl ? "%8s %8s %6s".formatted("V-info", "MDL", "ratio") : "",
        sparse ? "  elements" : "");
    for (Row row : found.rows) {
      System.out.printf(
          "%-28s %s %8.0f %11.0f %8.0f%s%s%n",
          row.point.name(),
          Heat.cell("%8.0f".formatted(100 * row.task.test()), row.task.test()),
          100 * row.task.control(),
          100 * row.task.selectivity(),
          100 * row.erased,
          mdl
              ? "%8.2f %8.0f %6.2f"
                  .formatted(
                      information(row).usable(), length(row).bits(), length(row).compression())
              : "",
          row.task.probe() instanceof SparseProbe probe ? "  " + elements(probe) : "");
    }
    Hint.print("'-o FILE.safetensors' writes the directions for --edit.");
  }

  private static Information information(Row row) {
    return Objects.requireNonNull(row.information);
  }

  private static DescriptionLength length(Row row) {
    return Objects.requireNonNull(row.length);
  }

  private static String elements(SparseProbe probe) {
    String first =
        probe.elements().stream()
            .limit(SHOWN)
            .map(String::valueOf)
            .collect(Collectors.joining(" "));
    return probe.elements().size() > SHOWN ? first + " …" : first;
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var points = new JsonObject();
    for (Row row : found.rows) {
      JsonObject point =
          new JsonObject()
              .with("train_accuracy", row.task.train())
              .with("accuracy", row.task.test())
              .with("control_accuracy", row.task.control())
              .with("selectivity", row.task.selectivity())
              .with("erased_accuracy", row.erased);
      if (row.task.probe() instanceof SparseProbe probe) {
        point.put("elements", probe.elements());
      }
      if (mdl) {
        point.put("v_information_bits", information(row).usable());
        point.put("description_length_bits", length(row).bits());
        point.put("uniform_bits", length(row).uniform());
        point.put("compression", length(row).compression());
        point.put(
            "blocks",
            length(row).blocks().stream()
                .map(b -> new JsonObject().with("end", b.end()).with("bits_per_class", b.bits()))
                .toList());
      }
      points.put(row.point.name(), point);
    }
    object.put("kind", probes.kind().name().toLowerCase(Locale.ROOT));
    object.put("l2", probes.l2());
    object.put("seed", labels.seed());
    object.put("classes", found.labels.classes());
    object.put(found.labels.unit(), found.labels.count());
    object.put("majority", found.majority());
    object.put("hooks", points);
  }
}
