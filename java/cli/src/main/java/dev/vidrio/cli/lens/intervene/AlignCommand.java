package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.intervene.DistributedAlignmentSearch;
import dev.vidrio.lens.intervene.Interchange;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens align}. */
@Command(
    name = "align",
    description = {
      "Distributed alignment search: finds the directions of a stream that hold"
          + " what two texts differ in.",
      "One line per hook point: the percentage of test interchanges whose answer becomes that of"
          + " the other text after the token's component along K directions is replaced by the"
          + " other text's, for random and for learned directions."
    })
public final class AlignCommand implements Callable<Integer> {
  /** One of this many interchanges is held out for the test. */
  private static final int ASIDE = 4;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private TensorOutput output = new TensorOutput();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "Lines of four tab-separated values: a text, another text, the token that"
              + " should follow the first with the other's value, and the token that"
              + " follows it on its own.")
  private Path file = Path.of("");

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "The hook points. Default: ${DEFAULT-VALUE}.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "-k",
      paramLabel = "K",
      description = "Number of directions. Default: ${DEFAULT-VALUE}.")
  private int rank = 1;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Training steps. Default: ${DEFAULT-VALUE}.")
  private int steps = 20;

  @Option(
      names = "--rate",
      paramLabel = "X",
      description = "Learning rate. Default: ${DEFAULT-VALUE}.")
  private double rate = 0.1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the initial directions. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** The learned directions by hook point, [k][d], for the edit {@code swap}. */
  private final Map<String, float[][]> bases = new LinkedHashMap<>();

  /** The results at a hook point. */
  private record Row(HookPoint point, double random, double learned) {}

  @Override
  public Integer call() throws IOException {
    output.check();
    if (output.isWanted() && rank < 1) {
      throw new InvalidInputException(
          "directions", Integer.toString(rank), "a file needs one or more");
    }
    if (steps < 0) {
      throw new InvalidInputException("steps", Integer.toString(steps), "must be 0 or more");
    }
    try (Model opened = model.open()) {
      List<Interchange> all = read(opened);
      Lens lens = gradients.lens(opened);
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
        output.write(opened.name(), bases);
      }
      if (json) {
        Json.print(contents(opened, rows, train.size(), test.size()));
      } else {
        print(rows, train.size(), test.size());
      }
    }
    return 0;
  }

  private Row learn(Lens lens, HookPoint point, List<Interchange> train, List<Interchange> test) {
    try (var search = new DistributedAlignmentSearch(lens, point, train, rank, rate, seed)) {
      double random = search.accuracy(test);
      for (int i = 0; i < steps; i++) {
        search.step();
      }
      bases.put(point.name(), rows(search.basis()));
      return new Row(point, random, search.accuracy(test));
    }
  }

  private float[][] rows(float[] basis) {
    var rows = new float[rank][];
    Arrays.setAll(
        rows,
        r -> Arrays.copyOfRange(basis, r * basis.length / rank, (r + 1) * basis.length / rank));
    return rows;
  }

  private List<Interchange> read(Model opened) {
    List<Interchange> interchanges = new ArrayList<>();
    List<String> lines = InputOutput.read(file).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      String[] fields = lines.get(i).split("\t", -1);
      if (fields.length != 4) {
        throw new CommandException(
            file
                + ": line "
                + (i + 1)
                + ": must be two texts and two tokens, separated by tab characters");
      }
      int[] base = opened.tokenizer().encode(fields[0], EncodeOptions.DEFAULT);
      int[] source = opened.tokenizer().encode(fields[1], EncodeOptions.DEFAULT);
      interchanges.add(
          new Interchange(
              base,
              position.of(base),
              source,
              position.of(source),
              TokenText.parse(opened, "answer of line " + (i + 1), fields[2]),
              TokenText.parse(opened, "original of line " + (i + 1), fields[3])));
    }
    return interchanges;
  }

  private void print(List<Row> rows, int train, int test) {
    System.out.printf("%d interchanges to train on, %d to test; accuracy in %%%n", train, test);
    System.out.printf("%-28s %8s %8s%n", "hook", "random", "learned");
    for (Row row : rows) {
      String learned = String.format("%8.0f", 100 * row.learned);
      System.out.printf(
          "%-28s %8.0f %s%n", row.point.name(), 100 * row.random, Heat.cell(learned, row.learned));
    }
  }

  private Map<String, Object> contents(Model opened, List<Row> rows, int train, int test) {
    Map<String, Object> points = new LinkedHashMap<>();
    for (Row row : rows) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("random_accuracy", row.random);
      entry.put("accuracy", row.learned);
      points.put(row.point.name(), entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("rank", rank);
    result.put("steps", steps);
    result.put("train", train);
    result.put("test", test);
    result.put("hooks", points);
    return result;
  }
}
