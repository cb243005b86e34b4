package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
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
      "One line per hook point: the percentage of test interchanges whose answer becomes that of"
          + " the other text after the token's component along K directions is replaced by the"
          + " other text's, for random and for learned directions.",
      "--boundless also learns how many directions are needed, at most K of -k."
    })
public final class AlignCommand extends ModelCommand<AlignCommand.Found> {
  /** One of this many interchanges is held out for the test. */
  private static final int ASIDE = 4;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private TensorOutput output = new TensorOutput();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "Lines of four tab-separated values: a text, another text, the token that should follow"
              + " the first with the other's value, and the token that follows it on its own.")
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
        "With --boundless, what interchanging all K directions costs, in nats of the answers' mean"
            + " log-probability.",
        "Default: 1."
      })
  private @Nullable Double penalty;

  @Option(names = "--steps", paramLabel = "N", description = "Training steps.")
  private int steps = 20;

  @Option(names = "--rate", paramLabel = "X", description = "Learning rate.")
  private double rate = 0.1;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the initial directions.")
  private long seed;

  /** The results at a hook point, and the learned directions, [k] of [d]. */
  private record Row(HookPoint point, double random, double learned, List<float[]> basis) {}

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
  }

  @Override
  protected Found run(Model opened) throws IOException {
    Lens lens = gradients.of(Lens.of(opened));
    List<Interchange> all = read(opened);
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
      output.write(opened.name(), bases);
    }
    return new Found(train.size(), test.size(), rows);
  }

  private Row learn(Lens lens, HookPoint point, List<Interchange> train, List<Interchange> test) {
    if (boundless) {
      return learnBoundless(lens, point, train, test);
    }
    int count = Objects.requireNonNullElse(rank, 1);
    try (var search = new DistributedAlignmentSearch(lens, point, train, count, rate, seed)) {
      double random = search.accuracy(test);
      for (int i = 0; i < steps; i++) {
        search.step();
      }
      return new Row(point, random, search.accuracy(test), rows(search.basis(), count));
    }
  }

  private Row learnBoundless(
      Lens lens, HookPoint point, List<Interchange> train, List<Interchange> test) {
    var options =
        new BoundlessAlignmentSearch.Options(
            Objects.requireNonNullElse(rank, 0),
            steps,
            rate,
            Objects.requireNonNullElse(penalty, BoundlessAlignmentSearch.PENALTY),
            seed);
    try (var search = new BoundlessAlignmentSearch(lens, point, train, options)) {
      for (int i = 0; i < steps; i++) {
        search.step();
      }
      int count = search.rank();
      try (var control = new DistributedAlignmentSearch(lens, point, train, count, rate, seed)) {
        return new Row(
            point, control.accuracy(test), search.accuracy(test), rows(search.basis(), count));
      }
    }
  }

  private static List<float[]> rows(float[] basis, int count) {
    int width = basis.length / Math.max(1, count);
    return IntStream.range(0, count)
        .mapToObj(r -> Arrays.copyOfRange(basis, r * width, (r + 1) * width))
        .toList();
  }

  private static int token(Model opened, String field, List<String> tokens) {
    return TokenText.parse(opened, field, String.join(",", tokens));
  }

  private List<Interchange> read(Model opened) {
    List<Interchange> interchanges = new ArrayList<>();
    for (PairText pair : DataOption.read(file, MetricSpec.DEFAULT)) {
      String line = " of line " + (interchanges.size() + 1);
      int[] base = opened.tokenizer().encode(pair.clean());
      int[] source = opened.tokenizer().encode(pair.corrupted());
      interchanges.add(
          new Interchange(
              base,
              position.of(base),
              source,
              position.of(source),
              token(opened, "answer" + line, pair.answers()),
              token(opened, "original" + line, pair.wrong())));
    }
    return interchanges;
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%d interchanges to train on, %d to test; accuracy in %%%n", found.train, found.test);
    String directions = boundless ? " %10s".formatted("directions") : "";
    System.out.printf("%-28s%s %8s %8s%n", "hook", directions, "random", "learned");
    for (Row row : found.rows) {
      String learned = Heat.cell("%8.0f".formatted(100 * row.learned), row.learned);
      String count = boundless ? " %10d".formatted(row.basis.size()) : "";
      System.out.printf("%-28s%s %8.0f %s%n", row.point.name(), count, 100 * row.random, learned);
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var points = new JsonObject();
    for (Row row : found.rows) {
      points.put(
          row.point.name(),
          new JsonObject()
              .with("rank", row.basis.size())
              .with("random_accuracy", row.random)
              .with("accuracy", row.learned));
    }
    object.with("boundless", boundless).with("steps", steps);
    if (!boundless) {
      object.put("rank", Objects.requireNonNullElse(rank, 1));
    }
    object.with("train", found.train).with("test", found.test).with("hooks", points);
  }
}
