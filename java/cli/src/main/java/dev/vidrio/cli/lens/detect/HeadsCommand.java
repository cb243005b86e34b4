package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.CopySuppression;
import dev.vidrio.lens.detect.CopyingEigenvalues;
import dev.vidrio.lens.detect.HeadDetection;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.detect.OvScores;
import dev.vidrio.lens.detect.ScoredHead;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens heads}. */
@Command(
    name = "heads",
    description = {
      "Finds induction, previous-token, duplicate-token, copying and successor heads, and attention"
          + " sinks.",
      "The text is a sequence of random tokens, repeated once. A score is the mean attention weight"
          + " on the tokens that heads of that kind attend to. Copying, successor and negative"
          + " copying scores come from the weights alone."
    })
@JsonHelp("Print JSON with the scores of all heads.")
public final class HeadsCommand extends PageCommand<HeadsCommand.Found> {
  /** The mean weight on the first token above which a head counts as a sink. */
  private static final double SINK = 0.3;

  /** The number of tokens that copying scores are measured on. */
  private static final int COPIED = 100;

  @Option(names = "--samples", paramLabel = "N", description = "Number of texts.")
  private int samples = HeadDetection.SAMPLES;

  @Option(
      names = "--length",
      paramLabel = "S",
      description =
          "Random tokens of a text, each repeated once. Default: "
              + HeadDetection.LENGTH
              + ", or as many as fit.")
  private @Nullable Integer length;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the random tokens.")
  private long seed;

  @Option(names = "--top", paramLabel = "K", description = "Heads of each kind to print.")
  private int top = 8;

  @Option(
      names = "--eigenvalues",
      description =
          "Also score copying by the eigenvalues of the OV circuit, from -1 (each token lowers its"
              + " own logit) to 1.")
  private boolean eigenvalues;

  @Option(
      names = "--suppression",
      description =
          "Also score copy suppression: attending to the token that the query's direction predicts"
              + " (QK) and lowering it (OV).")
  private boolean suppression;

  @Override
  protected void check() {
    super.check();
    UsageException.requireAtLeast("--samples", samples, 1);
  }

  /** A head's score of some kind. */
  private record Score(String name, double value) {}

  /**
   * The scores of all heads, by their attention and by their weights.
   *
   * @param eigenvalues of all heads, or none
   * @param suppression of all heads, or none
   */
  record Found(
      HeadDetection detection,
      List<OvScores> weights,
      List<CopyingEigenvalues> eigenvalues,
      List<CopySuppression> suppression) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    int tokens =
        length == null ? Math.min(HeadDetection.LENGTH, HeadDetection.longest(opened)) : length;
    return new Found(
        HeadDetection.of(lens, samples, tokens, seed),
        OvScores.of(lens, COPIED, seed),
        eigenvalues ? CopyingEigenvalues.of(lens) : List.of(),
        suppression ? CopySuppression.of(lens, COPIED, seed) : List.of());
  }

  @Override
  protected void print(Found found) {
    HeadDetection detection = found.detection;
    Map<String, List<Score>> looks = new LinkedHashMap<>();
    looks.put("induction", looking(detection, HeadScores::induction));
    looks.put("previous", looking(detection, HeadScores::previous));
    looks.put("duplicate", looking(detection, HeadScores::duplicate));
    looks.put("current", looking(detection, HeadScores::current));
    looks.put("first", looking(detection, HeadScores::first));
    System.out.println(
        "mean attention weight (0 to 1) on tokens of this kind, in a repeated random text");
    print(looks);
    System.out.println();
    Map<String, List<Score>> says = new LinkedHashMap<>();
    says.put("copying", ranked(found.weights, OvScores::copying));
    says.put("successor", ranked(found.weights, OvScores::successor));
    says.put("negative copying", ranked(found.weights, OvScores::negativeCopying));
    System.out.println("share of tokens (0 to 1), by the weights of the OV circuit");
    print(says);
    if (!found.eigenvalues.isEmpty()) {
      Map<String, List<Score>> copies = new LinkedHashMap<>();
      List<Score> copying = ranked(found.eigenvalues, CopyingEigenvalues::score);
      copies.put("copying", copying);
      copies.put("negative copying", copying.reversed());
      System.out.println();
      System.out.println("sum of eigenvalues of the OV circuit by sum of magnitudes (-1 to 1)");
      print(copies);
    }
    if (!found.suppression.isEmpty()) {
      Map<String, List<Score>> halves = new LinkedHashMap<>();
      halves.put("both", ranked(found.suppression, CopySuppression::both));
      halves.put("attends (QK)", ranked(found.suppression, CopySuppression::attends));
      halves.put("lowers (OV)", ranked(found.suppression, CopySuppression::suppresses));
      System.out.println();
      System.out.println(
          "copy suppression: share of tokens (0 to 1) that a head finds where the model");
      System.out.println("predicts them, that it lowers, and both");
      print(halves);
    }
    System.out.printf(
        "%n%d heads; %.0f %% have a mean weight above %.1f on the first token (sinks)%n",
        detection.heads().size(), 100 * detection.sinkRate(SINK), SINK);
    Hint.print("'vidrio lens attention --layer L --head H -p TEXT' prints a pattern.");
  }

  /** Prints a column for each kind. */
  private void print(Map<String, List<Score>> columns) {
    var head = new StringBuilder();
    columns.keySet().forEach(name -> head.append("%-16s".formatted(name)));
    System.out.println(head.toString().stripTrailing());
    int heads = columns.values().stream().mapToInt(List::size).min().orElse(0);
    for (int i = 0; i < Math.clamp(top, 0, heads); i++) {
      var line = new StringBuilder();
      for (List<Score> ranked : columns.values()) {
        Score best = ranked.get(i);
        line.append("%-8s".formatted(best.name())).append(cell(best.value())).append("   ");
      }
      System.out.println(line.toString().stripTrailing());
    }
  }

  private static String cell(double value) {
    return Double.isNaN(value) ? "    -" : Heat.cell(String.format("%5.3f", value), value);
  }

  private static List<Score> looking(HeadDetection detection, ToDoubleFunction<HeadScores> score) {
    return detection.ranked(score).stream()
        .map(head -> new Score(head.name(), score.applyAsDouble(head)))
        .toList();
  }

  private static <T extends ScoredHead> List<Score> ranked(
      List<T> heads, ToDoubleFunction<T> score) {
    return heads.stream()
        .map(head -> new Score(head.name(), score.applyAsDouble(head)))
        .sorted(Comparator.comparingDouble(Score::value).reversed())
        .toList();
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    HeadDetection detection = found.detection;
    object.put("samples", detection.samples());
    object.put("length", detection.length());
    object.put("seed", seed);
    object.put("sink_rate", detection.sinkRate(SINK));
    object.put(
        "heads", IntStream.range(0, found.weights.size()).mapToObj(i -> toJson(found, i)).toList());
  }

  private static JsonObject toJson(Found found, int i) {
    OvScores weights = found.weights.get(i);
    JsonObject head = HeadJson.contents(found.detection.heads().get(i));
    if (!found.eigenvalues.isEmpty()) {
      head.put("eigenvalue_copying", found.eigenvalues.get(i).score());
    }
    if (!found.suppression.isEmpty()) {
      CopySuppression halves = found.suppression.get(i);
      head.put("suppression", halves.both());
      head.put("suppression_attends", halves.attends());
      head.put("suppression_lowers", halves.suppresses());
    }
    return head.with("copying", weights.copying())
        .with("negative_copying", weights.negativeCopying())
        .with("successor", Json.finite(weights.successor()));
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        Views.heads(found.detection, found.weights, found.eigenvalues, found.suppression));
  }
}
