package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.HeadDetection;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.detect.OvScores;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens heads}. */
@Command(
    name = "heads",
    description = {
      "Finds induction, previous-token, duplicate-token, copying and successor heads, and attention"
          + " sinks.",
      "The text is a sequence of random tokens, repeated once. A score is the mean attention"
          + " weight on the tokens that heads of that kind attend to. Copying, inhibition and"
          + " successor scores come from the weights alone."
    })
public final class HeadsCommand implements Callable<Integer> {
  /** The mean weight on the first token above which a head counts as a sink. */
  private static final double SINK = 0.3;

  /** The number of tokens that copying scores are measured on. */
  private static final int COPIED = 100;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "Number of texts. Default: ${DEFAULT-VALUE}.")
  private int samples = HeadDetection.SAMPLES;

  @Option(
      names = "--length",
      paramLabel = "S",
      description =
          "Random tokens of a text, each repeated once. Default: "
              + HeadDetection.LENGTH
              + ", or as many as fit.")
  private @Nullable Integer length;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the random tokens. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Heads of each kind to print. Default: ${DEFAULT-VALUE}.")
  private int top = 8;

  @Option(names = "--json", description = "Print JSON with the scores of all heads.")
  private boolean json;

  /** A head's score of some kind. */
  private record Score(String name, double value) {}

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      Lens lens = Lens.of(opened);
      int tokens =
          length == null ? Math.min(HeadDetection.LENGTH, HeadDetection.longest(opened)) : length;
      HeadDetection detection = HeadDetection.of(lens, samples, tokens, seed);
      List<OvScores> said = OvScores.of(lens, COPIED, seed);
      if (page.isWanted()) {
        page.write(opened, "vidrio lens heads", new int[0], List.of(Views.heads(detection, said)));
      } else if (json) {
        Json.print(contents(opened, detection, said));
      } else {
        print(detection, said);
      }
    }
    return 0;
  }

  private void print(HeadDetection detection, List<OvScores> said) {
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
    says.put("copying", saying(said, OvScores::copying));
    says.put("inhibition", saying(said, OvScores::inhibition));
    says.put("successor", saying(said, OvScores::successor));
    System.out.println("share of tokens (0 to 1), by the weights of the OV circuit");
    print(says);
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

  private static List<Score> saying(List<OvScores> said, ToDoubleFunction<OvScores> score) {
    return said.stream()
        .map(head -> new Score(head.name(), score.applyAsDouble(head)))
        .sorted(Comparator.comparingDouble(Score::value).reversed())
        .toList();
  }

  private Map<String, Object> contents(Model opened, HeadDetection detection, List<OvScores> said) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("samples", detection.samples());
    result.put("length", detection.length());
    result.put("seed", seed);
    result.put("sink_rate", detection.sinkRate(SINK));
    result.put(
        "heads",
        IntStream.range(0, said.size())
            .mapToObj(i -> contents(detection.heads().get(i), said.get(i)))
            .toList());
    return result;
  }

  private static Map<String, @Nullable Object> contents(HeadScores looking, OvScores saying) {
    Map<String, @Nullable Object> result = HeadJson.contents(looking);
    result.put("copying", saying.copying());
    result.put("inhibition", saying.inhibition());
    result.put("successor", Json.finite(saying.successor()));
    return result;
  }
}
