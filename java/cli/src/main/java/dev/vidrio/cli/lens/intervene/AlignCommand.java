package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.intervene.BoundlessAlignmentSearch;
import dev.vidrio.lens.intervene.DistributedAlignmentSearch;
import dev.vidrio.lens.intervene.Interchange;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens align}. */
@Command(
    name = "align",
    description = {
      "Distributed alignment search: finds the directions of a stream that hold what two texts"
          + " differ in.",
      "One line per hook point: the percentage of test interchanges with the answer of the other"
          + " text after the token's component along K directions is replaced by the other"
          + " text's, for random and for learned directions; and the mean of what training"
          + " increases, by default the log-probability of that answer.",
      "--boundless also learns how many directions are needed, at most K of -k."
    })
public final class AlignCommand extends ModelCommand<AlignCommand.Found> {
  /** One of this many interchanges is held out for the test. */
  private static final int ASIDE = 4;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private TensorOutput output = new TensorOutput();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "Lines of tab-separated values: a text, another text, the token that should follow the"
              + " first with the other's value, and the token that follows it on its own; without"
              + " the last, the answer must be the most likely token. Or JSON as of 'vidrio lens"
              + " dataset'.")
  private Path file = Path.of("");

  @Option(names = "--hooks", paramLabel = "NAMES", description = "The hook points.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "-k",
      paramLabel = "K",
      description = {
        "Number of directions. Default: 1.",
        "With --boundless the maximum, by default the width of the activation."
      })
  private @Nullable Integer rank;

  @Option(
      names = "--boundless",
      description =
          "Learn the number of directions too: a soft boundary, which sharpens during training.")
  private boolean boundless;

  @Option(
      names = "--penalty",
      paramLabel = "X",
      description = {
        "With --boundless, what interchanging all K directions costs, in units of the mean of what"
            + " training increases.",
        "Default: 1."
      })
  private @Nullable Double penalty;

  @Option(names = "--steps", paramLabel = "N", description = "Training steps.")
  private int steps = 20;

  @Option(names = "--rate", paramLabel = "X", description = "Learning rate.")
  private double rate = 0.1;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the initial directions.")
  private long seed;

  /**
   * The results at a hook point, of random and of learned directions.
   *
   * @param objective the mean of what training increases
   * @param basis the learned directions, [k] of [d]
   */
  private record Row(
      HookPoint point,
      double randomAccuracy,
      double randomObjective,
      double accuracy,
      double objective,
      List<float[]> basis) {}

  /** The results at all hook points, and the numbers of interchanges. */
  record Found(int train, int test, List<Row> rows) {}

  @Override
  protected void check() {
    output.check();
    if (output.isWanted() && rank != null && rank < 1) {
      throw new InvalidInputException(
          "directions", Integer.toString(rank), "a file needs one or more");
    }
    int least = boundless ? 1 : 0;
    if (steps < least) {
      throw new InvalidInputException(
          "steps", Integer.toString(steps), "must be " + least + " or more");
    }
    if (penalty != null && !boundless) {
      throw new UsageException("--penalty: needs --boundless");
    }
    if (boundless && rank != null && rank < 1) {
      throw new InvalidInputException("directions", Integer.toString(rank), "must be 1 or more");
    }
    OptionValues.of(this::spec);
  }

  /** Returns the metric that training increases, which must have a gradient and an answer. */
  private MetricSpec spec() {
    MetricSpec spec = metric.or(MetricKind.LOGPROB);
    spec.requireDifferentiable("training");
    if (!spec.kind().needsAnswers()) {
      throw new InvalidInputException(
          "metric", spec.kind().key(), "reads no answer, which training makes more likely");
    }
    return spec;
  }

  @Override
  protected Found run(Model opened) throws IOException {
    Lens lens = gradients.of(Lens.of(opened));
    List<Interchange> all = read(lens);
    List<Interchange> train = new ArrayList<>();
    List<Interchange> test = new ArrayList<>();
    for (int i = 0; i < all.size(); i++) {
      (i % ASIDE == ASIDE - 1 ? test : train).add(all.get(i));
    }
    if (test.isEmpty()) {
      throw new InvalidInputException(
          "interchanges", Integer.toString(all.size()), "must be " + ASIDE + " or more");
    }
    List<Row> rows = new ArrayList<>();
    List<HookPoint> points = lens.points(hooks);
    try (var bar = new ProgressBar("learning")) {
      for (HookPoint point : points) {
        rows.add(learn(lens, point, train, test));
        bar.update(rows.size() / (double) points.size(), point.name());
      }
    }
    if (output.isWanted()) {
      Map<String, List<float[]>> bases = new LinkedHashMap<>(); // for the edit `swap`
      rows.stream()
          .filter(row -> !row.basis.isEmpty())
          .forEach(row -> bases.put(row.point.name(), row.basis));
      output.write(modelName(), bases);
    }
    return new Found(train.size(), test.size(), rows);
  }

  private Row learn(Lens lens, HookPoint point, List<Interchange> train, List<Interchange> test) {
    if (boundless) {
      return learnBoundless(lens, point, train, test);
    }
    int count = Objects.requireNonNullElse(rank, 1);
    try (var search = new DistributedAlignmentSearch(lens, point, train, count, rate, seed)) {
      double accuracy = search.accuracy(test);
      double objective = search.objective(test);
      for (int i = 0; i < steps; i++) {
        search.step();
      }
      return new Row(
          point,
          accuracy,
          objective,
          search.accuracy(test),
          search.objective(test),
          rows(search.basis(), count));
    }
  }

  private Row learnBoundless(
      Lens lens, HookPoint point, List<Interchange> train, List<Interchange> test) {
    BoundlessAlignmentSearch.Options options =
        OptionValues.of(
            () ->
                new BoundlessAlignmentSearch.Options(
                    Objects.requireNonNullElse(rank, 0),
                    steps,
                    rate,
                    Objects.requireNonNullElse(penalty, BoundlessAlignmentSearch.PENALTY),
                    seed));
    try (var search = new BoundlessAlignmentSearch(lens, point, train, options)) {
      for (int i = 0; i < steps; i++) {
        search.step();
      }
      int count = search.rank();
      try (var control = new DistributedAlignmentSearch(lens, point, train, count, rate, seed)) {
        return new Row(
            point,
            control.accuracy(test),
            control.objective(test),
            search.accuracy(test),
            search.objective(test),
            rows(search.basis(), count));
      }
    }
  }

  private static List<float[]> rows(float[] basis, int count) {
    int width = basis.length / Math.max(1, count);
    return IntStream.range(0, count)
        .mapToObj(r -> Arrays.copyOfRange(basis, r * width, (r + 1) * width))
        .toList();
  }

  private List<Interchange> read(Lens lens) {
    Model opened = lens.model();
    List<Interchange> interchanges = new ArrayList<>();
    for (PairText pair : DataOption.read(file, spec())) {
      String line = " of line " + (interchanges.size() + 1);
      MetricSpec.Bound bound = spec().bind(opened, pair.answers(), pair.wrong(), line);
      int[] base = opened.tokenizer().encode(pair.clean());
      int[] source = opened.tokenizer().encode(pair.corrupted());
      interchanges.add(
          new Interchange(
              bound.text(base),
              position.of(base),
              source,
              position.of(source),
              (DifferentiableMetric) bound.metric(lens, base),
              success(lens, pair, bound, line)));
    }
    return interchanges;
  }

  /** Returns the success of an interchange: no wrong answer is more likely. */
  private Metric success(Lens lens, PairText pair, MetricSpec.Bound bound, String line) {
    if (bound.kind().readsSequence() && bound.answers().size() > 1) {
      return Metric.greedy(bound.answers().stream().mapToInt(Integer::intValue).toArray());
    }
    MetricSpec accuracy = new MetricSpec(MetricKind.ACCURACY, spec().answers(), spec().wrong());
    MetricSpec.Bound judged = accuracy.bind(lens.model(), pair.answers(), pair.wrong(), line);
    judged.requireDifferent(line);
    return judged.metric(lens, new int[0]);
  }

  @Override
  protected void print(Found found) {
    String name = spec().kind().label();
    System.out.printf(
        "%d interchanges to train on, %d to test: accuracy in %%, mean %s%n",
        found.train, found.test, name);
    int width = Math.max(18, name.length());
    String space = boundless ? " %10s".formatted("") : "";
    System.out.printf("%-28s%s %16s  %" + width + "s%n", "", space, "accuracy", name);
    System.out.printf(
        "%-28s%s %8s %7s  %" + (width - 8) + "s %7s%n",
        "hook",
        boundless ? " %10s".formatted("directions") : "",
        "random",
        "learned",
        "random",
        "learned");
    for (Row row : found.rows) {
      String learned = Heat.cell("%7.0f".formatted(100 * row.accuracy), row.accuracy);
      System.out.printf(
          "%-28s%s %8.0f %s  %" + (width - 8) + ".3f %7.3f%n",
          row.point.name(),
          boundless ? " %10d".formatted(row.basis.size()) : "",
          100 * row.randomAccuracy,
          learned,
          row.randomObjective,
          row.objective);
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    String field = "mean_" + spec().kind().field();
    var points = new JsonObject();
    for (Row row : found.rows) {
      points.put(
          row.point.name(),
          new JsonObject()
              .with("rank", row.basis.size())
              .with("random_accuracy", row.randomAccuracy)
              .with("accuracy", row.accuracy)
              .with("random_" + field, row.randomObjective)
              .with(field, row.objective));
    }
    object.put("metric_kind", spec().kind().key());
    object.with("boundless", boundless).with("steps", steps);
    if (!boundless) {
      object.put("rank", Objects.requireNonNullElse(rank, 1));
    }
    object.with("train", found.train).with("test", found.test).with("hooks", points);
  }
}
