package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.LabelsOption;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.lens.option.TensorOutput;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.probe.AdversarialErasure;
import dev.vidrio.lens.decode.probe.AmnesicProbing;
import dev.vidrio.lens.decode.probe.AmnesicProbing.Choice;
import dev.vidrio.lens.decode.probe.AmnesicProbing.Prediction;
import dev.vidrio.lens.decode.probe.AmnesicProbing.Preference;
import dev.vidrio.lens.decode.probe.ConceptEraser;
import dev.vidrio.lens.decode.probe.Examples;
import dev.vidrio.lens.decode.probe.Leace;
import dev.vidrio.lens.decode.probe.LinearProbe;
import dev.vidrio.lens.decode.probe.NullspaceProjection;
import dev.vidrio.lens.decode.probe.SubspaceEraser;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens erase}. */
@Command(
    name = "erase",
    description = {
      "Amnesic probing: what the model loses when classes are erased from an activation, at all"
          + " tokens of the forward pass.",
      "Per hook point: the accuracy of a probe of the classes on held-out texts, the model's loss,"
          + " the accuracy of its most likely next tokens and the divergence from its unchanged"
          + " predictions, with 95 %% intervals; for the erased classes and for random subspaces of"
          + " equal rank.",
      "-o FILE.safetensors writes the erased directions: HOOK.erased, orthonormal rows; -o"
          + " FILE.html draws what is lost at each hook point."
    })
public final class EraseCommand extends PageCommand<EraseCommand.Found> {
  /** The method of erasure. */
  enum Method {
    /** {@link Leace}. */
    LEACE,
    /** {@link NullspaceProjection}. */
    INLP,
    /** {@link AdversarialErasure}. */
    RLACE
  }

  @Mixin private LabelsOption labels = new LabelsOption();

  @Option(names = "--hooks", paramLabel = "NAMES", description = "The hook points, one at a time.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      defaultValue = "leace",
      description =
          "How to erase: ${COMPLETION-CANDIDATES}. leace changes activations least, inlp removes"
              + " what probe after probe reads, rlace projects out the --rank directions that harm"
              + " the best probe most.")
  private Method method = Method.LEACE;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Maximum number of probes of inlp, or of steps of rlace. Default: 20.")
  private int rounds = 20;

  @Option(
      names = "--rank",
      paramLabel = "K",
      description = "Number of directions of rlace. Default: the number of classes minus 1.")
  private @Nullable Integer rank;

  @Option(
      names = "--l2",
      paramLabel = "X",
      defaultValue = "1",
      description = "Penalty of the probes' squared weights.")
  private double l2 = 1;

  @Option(
      names = "--controls",
      paramLabel = "N",
      description = "Number of random subspaces, over which results are averaged. Default: 3.")
  private int controls = 3;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      description = "A text to measure predictions on. Default: the held-out texts.")
  private @Nullable Path text;

  @Option(names = "--length", paramLabel = "N", description = "Tokens per chunk of the text.")
  private int length = 128;

  @Option(
      names = "--pairs",
      paramLabel = "FILE",
      description = {
        "A file to measure preferences on, with lines of a text, a text, the right next token of"
            + " the first and that of the second, separated by tab characters.",
        "Shows how often the right token is more likely than the other, and the mean logit"
            + " difference."
      })
  private @Nullable Path pairs;

  /**
   * The measurements of a forward pass, or their means over several.
   *
   * @param probe accuracy of a probe of the erased activations
   * @param preference null without pairs
   */
  private record Effect(
      int rank, double probe, Prediction prediction, @Nullable Preference preference) {
    /** Returns the mean of effects. */
    static Effect mean(List<Effect> effects) {
      return new Effect(
          effects.getFirst().rank,
          effects.stream().mapToDouble(Effect::probe).average().orElseThrow(),
          new Prediction(
              mean(effects, e -> e.prediction.loss()),
              mean(effects, e -> e.prediction.lossIncrease()),
              mean(effects, e -> e.prediction.accuracy()),
              mean(effects, e -> e.prediction.divergence())),
          effects.getFirst().preference == null
              ? null
              : new Preference(
                  mean(effects, e -> Objects.requireNonNull(e.preference).accuracy()),
                  mean(effects, e -> Objects.requireNonNull(e.preference).difference())));
    }

    /** Returns the mean of estimates at the same tokens. Its interval is as wide as theirs. */
    private static Estimate mean(List<Effect> effects, Function<Effect, Estimate> value) {
      List<Estimate> estimates = effects.stream().map(value).toList();
      return new Estimate(
          estimates.stream().mapToDouble(Estimate::mean).average().orElseThrow(),
          estimates.stream().mapToDouble(Estimate::halfWidth).average().orElseThrow(),
          estimates.getFirst().count());
    }
  }

  /** An eraser, and the accuracy of a probe after it. */
  private record Erased(ConceptEraser eraser, double probe) {}

  /** A hook point with the accuracy of a probe before erasure, and the erasers. */
  private record Fitted(HookPoint point, double probe, Erased classes, List<Erased> random) {}

  /** The results at a hook point; {@code random} is null without controls. */
  private record Row(
      HookPoint point,
      double probe,
      Effect classes,
      @Nullable Effect random,
      List<float[]> directions) {}

  /** The results at all hook points, and those of the unchanged model. */
  record Found(
      LabelsOption.Labels labels,
      int tokens,
      int choices,
      double majority,
      Prediction prediction,
      @Nullable Preference preference,
      List<Row> rows) {}

  @Override
  protected void check() {
    super.check();
    if (controls < 0) {
      throw new InvalidInputException("controls", controls, "must be 0 or more");
    }
    if (rank != null && method != Method.RLACE) {
      throw new UsageException("--rank: needs --method rlace");
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    LabelsOption.Labels read = labels.read(opened);
    Lens lens = Lens.of(opened);
    List<Choice> choices = pairs == null ? List.of() : choices(opened, pairs);
    int points = lens.points(hooks).size();
    List<Fitted> fitted = new ArrayList<>();
    List<Integer> heldOut = new ArrayList<>();
    var majority = new double[1];
    try (var bar = new ProgressBar("fitting")) {
      labels.forEach(
          lens,
          hooks,
          read,
          (point, examples) -> {
            Examples.Split split = labels.split(examples);
            fitted.add(fit(opened, point, split));
            heldOut.clear();
            Arrays.stream(split.test().groups()).distinct().forEach(heldOut::add);
            majority[0] = split.test().majority();
            bar.update(fitted.size() / (double) points, point.name());
          });
    }
    List<int[]> texts =
        text == null
            ? heldOut.stream()
                .map(t -> read.texts().get(t).tokens())
                .filter(tokens -> tokens.length > 1)
                .toList()
            : TextChunks.of(
                opened, opened.tokenizer().encode(InputOutput.read(text)), length(opened));
    List<Map<HookPoint, Hook>> variants = new ArrayList<>(List.of(Map.of()));
    for (Fitted each : fitted) {
      variants.add(Map.of(each.point, each.classes.eraser.hook()));
      each.random.forEach(control -> variants.add(Map.of(each.point, control.eraser.hook())));
    }
    List<Prediction> predictions = AmnesicProbing.predictions(lens, texts, variants);
    List<Preference> preferences =
        choices.isEmpty() ? List.of() : AmnesicProbing.preferences(lens, choices, variants);
    return new Found(
        read,
        texts.stream().mapToInt(tokens -> tokens.length - 1).sum(),
        choices.size(),
        majority[0],
        predictions.getFirst(),
        preferences.isEmpty() ? null : preferences.getFirst(),
        rows(fitted, predictions, preferences));
  }

  private int length(Model opened) {
    return Math.min(length, opened.architecture().contextLength());
  }

  private Fitted fit(Model opened, HookPoint point, Examples.Split split) {
    ConceptEraser classes;
    double[] center;
    if (method == Method.LEACE) {
      Leace leace = Leace.fit(split.train());
      classes = leace;
      center = leace.mean();
    } else if (method == Method.RLACE) {
      int count = Objects.requireNonNullElse(rank, split.train().classes() - 1);
      SubspaceEraser eraser =
          AdversarialErasure.fit(opened.executor(), split.train(), count, l2, rounds).eraser();
      classes = eraser;
      center = eraser.center();
    } else {
      var kind = LinearProbe.Kind.LOGISTIC;
      int most = Math.min(rounds, split.train().width());
      classes = NullspaceProjection.fit(opened.executor(), split, kind, l2, most).eraser();
      center = new double[split.train().width()];
    }
    List<Erased> random = new ArrayList<>();
    for (int i = 0; i < controls; i++) {
      long seed = labels.seed() + i;
      random.add(erased(opened, split, SubspaceEraser.random(classes.rank(), center, seed)));
    }
    LinearProbe probe = LinearProbe.logistic(opened.executor(), split.train(), l2);
    return new Fitted(point, probe.accuracy(split.test()), erased(opened, split, classes), random);
  }

  private Erased erased(Model opened, Examples.Split split, ConceptEraser eraser) {
    Examples train = eraser.erase(split.train());
    LinearProbe probe = LinearProbe.logistic(opened.executor(), train, l2);
    return new Erased(eraser, probe.accuracy(eraser.erase(split.test())));
  }

  private static List<Row> rows(
      List<Fitted> fitted, List<Prediction> predictions, List<Preference> preferences) {
    List<Row> rows = new ArrayList<>();
    int variant = 1;
    for (Fitted each : fitted) {
      List<Effect> effects = new ArrayList<>();
      List<Erased> all = new ArrayList<>(List.of(each.classes));
      all.addAll(each.random);
      for (Erased one : all) {
        effects.add(
            new Effect(
                one.eraser.rank(),
                one.probe,
                predictions.get(variant),
                preferences.isEmpty() ? null : preferences.get(variant)));
        variant++;
      }
      List<Effect> random = effects.subList(1, effects.size());
      rows.add(
          new Row(
              each.point,
              each.probe,
              effects.getFirst(),
              random.isEmpty() ? null : Effect.mean(random),
              each.classes.eraser.directions()));
    }
    return rows;
  }

  private static List<Choice> choices(Model opened, Path file) {
    List<Choice> choices = new ArrayList<>();
    int line = 0;
    for (String row : InputOutput.read(file).lines().toList()) {
      line++;
      String[] fields = row.split("\t", -1);
      if (fields.length != 4) {
        throw new CommandException(
            file
                + ": line "
                + line
                + ": must be two texts and two tokens, separated by tab characters");
      }
      int first = TokenText.parse(opened, "token of line " + line, fields[2]);
      int second = TokenText.parse(opened, "token of line " + line, fields[3]);
      choices.add(choice(opened, fields[0], first, second));
      choices.add(choice(opened, fields[1], second, first));
    }
    if (choices.isEmpty()) {
      throw new CommandException(file + ": must have one or more pairs of texts");
    }
    return choices;
  }

  private static Choice choice(Model opened, String prompt, int answer, int wrong) {
    int[] tokens = opened.tokenizer().encode(prompt);
    return new Choice(Arrays.stream(tokens).boxed().toList(), answer, wrong);
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%s of %d classes, fitted to %.0f %% of %d %s%n",
        method == Method.RLACE ? "R-LACE" : method.name(),
        found.labels.classes().size(),
        100 * (1 - labels.fraction()),
        found.labels.count(),
        found.labels.unit());
    System.out.printf(
        "probe %%: accuracy of a probe on the others, %.0f %% of them of one class%n",
        100 * found.majority);
    System.out.printf(
        "loss, its increase, KL(unchanged ‖ erased) in nats and top-1 %%, the accuracy of the"
            + " model's predictions, of %d tokens%n",
        found.tokens);
    if (found.preference != null) {
      System.out.printf(
          "right %%: how often the model prefers the right token, of %d; logits: mean difference%n",
          found.choices);
    }
    System.out.println("±: 95 % intervals");
    System.out.printf(
        "%-28s %-8s %4s %7s %7s %15s %14s %12s%s%n",
        "hook",
        "erased",
        "rank",
        "probe %",
        "loss",
        "increase",
        "KL",
        "top-1 %",
        found.preference == null ? "" : " %13s %13s".formatted("right %", "logits"));
    print("", "nothing", "", "", found.prediction, found.preference);
    for (Row row : found.rows) {
      print(row.point.name(), "nothing", "", "%.0f".formatted(100 * row.probe), null, null);
      print("", "classes", row.classes);
      if (row.random != null) {
        print("", "random", row.random);
      }
    }
  }

  private static void print(String hook, String erased, Effect effect) {
    print(
        hook,
        erased,
        Integer.toString(effect.rank),
        "%.0f".formatted(100 * effect.probe),
        effect.prediction,
        effect.preference);
  }

  private static void print(
      String hook,
      String erased,
      String rank,
      String probe,
      @Nullable Prediction prediction,
      @Nullable Preference preference) {
    String line = "%-28s %-8s %4s %7s".formatted(hook, erased, rank, probe);
    if (prediction != null) {
      boolean unchanged = probe.isEmpty();
      line +=
          " %7.3f %15s %14s %12s"
              .formatted(
                  prediction.loss().mean(),
                  unchanged ? "" : prediction.lossIncrease().format("%+.3f", 1),
                  unchanged ? "" : prediction.divergence().format("%.3f", 1),
                  prediction.accuracy().format("%.1f", 100));
    }
    if (preference != null) {
      Estimate right = preference.accuracy();
      line +=
          " "
              + Heat.cell("%13s".formatted(right.format("%.1f", 100)), right.mean())
              + " %13s".formatted(preference.difference().format("%+.2f", 1));
    }
    System.out.println(line.stripTrailing());
  }

  @Override
  protected String[] endings() {
    return new String[] {".html", ".safetensors"};
  }

  @Override
  protected void write(Found found, Path file) throws IOException {
    Map<String, List<float[]>> directions = new LinkedHashMap<>();
    found.rows.stream()
        .filter(row -> !row.directions.isEmpty())
        .forEach(row -> directions.put(row.point + ".erased", row.directions));
    TensorOutput.write(file, modelName(), directions);
  }

  @Override
  protected List<? extends View> views(Found found) {
    List<Grid.Measure> measures = new ArrayList<>();
    measures.add(measure("accuracy of a probe", 0, 1, found, Row::probe, Effect::probe));
    measures.add(
        measure(
            "increase of the loss in nats",
            found,
            effect -> effect.prediction.lossIncrease().mean()));
    measures.add(
        measure(
            "KL(unchanged ‖ erased) in nats",
            found,
            effect -> Math.abs(effect.prediction.divergence().mean())));
    if (found.preference != null) {
      double unchanged = found.preference.accuracy().mean();
      measures.add(
          measure(
              "portion of right preferences",
              0,
              1,
              found,
              row -> unchanged,
              effect -> Objects.requireNonNull(effect.preference).accuracy().mean()));
    }
    List<String> columns = new ArrayList<>(List.of("nothing", "classes"));
    if (controls > 0) {
      columns.add("random");
    }
    return List.of(
        Grid.heatMap(
            "Erased classes",
            "The losses of a probe and of the model when the classes, or a random subspace of equal"
                + " rank, are erased at a hook point.",
            "hook",
            found.rows.stream().map(row -> row.point.name()).toList(),
            "erased",
            columns,
            measures));
  }

  private static Grid.Measure measure(String name, Found found, ToDoubleFunction<Effect> value) {
    return Grid.Measure.of(name, Grid.Scale.SEQUENTIAL, values(found, row -> 0, value));
  }

  private static Grid.Measure measure(
      String name,
      double low,
      double high,
      Found found,
      ToDoubleFunction<Row> unchanged,
      ToDoubleFunction<Effect> value) {
    return Grid.Measure.of(name, Grid.Scale.SEQUENTIAL, low, high, values(found, unchanged, value));
  }

  private static double[][] values(
      Found found, ToDoubleFunction<Row> unchanged, ToDoubleFunction<Effect> value) {
    return found.rows.stream()
        .map(
            row -> {
              double before = unchanged.applyAsDouble(row);
              double classes = value.applyAsDouble(row.classes);
              return row.random == null
                  ? new double[] {before, classes}
                  : new double[] {before, classes, value.applyAsDouble(row.random)};
            })
        .toArray(double[][]::new);
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("method", method.name().toLowerCase(Locale.ROOT));
    object.put("l2", l2);
    object.put("seed", labels.seed());
    object.put("controls", controls);
    object.put("classes", found.labels.classes());
    object.put(found.labels.unit(), found.labels.count());
    object.put("majority", found.majority);
    object.put("tokens", found.tokens);
    object.put("unchanged", json(new JsonObject(), found.prediction, found.preference));
    var points = new JsonObject();
    for (Row row : found.rows) {
      JsonObject point = new JsonObject().with("probe_accuracy", row.probe);
      point.put("erased", json(row.classes));
      if (row.random != null) {
        point.put("random", json(row.random));
      }
      points.put(row.point.name(), point);
    }
    object.put("hooks", points);
  }

  private static JsonObject json(Effect effect) {
    JsonObject json =
        new JsonObject().with("rank", effect.rank).with("probe_accuracy", effect.probe);
    return json(json, effect.prediction, effect.preference);
  }

  private static JsonObject json(
      JsonObject json, Prediction prediction, @Nullable Preference preference) {
    put(json, "loss", prediction.loss());
    json.put("perplexity", Math.exp(prediction.loss().mean()));
    put(json, "loss_increase", prediction.lossIncrease());
    put(json, "accuracy", prediction.accuracy());
    put(json, "kl", prediction.divergence());
    if (preference != null) {
      put(json, "preference_accuracy", preference.accuracy());
      put(json, "logit_difference", preference.difference());
    }
    return json;
  }

  /** Puts a mean, and half the width of its interval, which is null if there is none. */
  private static void put(JsonObject json, String name, Estimate estimate) {
    json.put(name, estimate.mean());
    json.put(name + "_half_width", Json.finite(estimate.halfWidth()));
  }
}
