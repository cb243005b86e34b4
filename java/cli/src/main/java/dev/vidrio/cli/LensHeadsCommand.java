package dev.vidrio.cli;

import dev.vidrio.lens.HeadDetection;
import dev.vidrio.lens.HeadScores;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens heads}. */
@Command(
    name = "heads",
    description = {
      "Finds induction, previous-token and duplicate-token heads, and attention sinks.",
      "The model reads texts of random tokens that repeat once; a head's score is how much it"
          + " attends where such a head does."
    })
final class LensHeadsCommand implements Callable<Integer> {
  /** From which mean weight on the first token on a head counts as a sink. */
  private static final double SINK = 0.3;

  private static final Map<String, ToDoubleFunction<HeadScores>> COLUMNS = new LinkedHashMap<>();

  static {
    COLUMNS.put("induction", HeadScores::induction);
    COLUMNS.put("previous", HeadScores::previous);
    COLUMNS.put("duplicate", HeadScores::duplicate);
    COLUMNS.put("current", HeadScores::current);
    COLUMNS.put("first", HeadScores::first);
  }

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "" + HeadDetection.SAMPLES,
      description = "Texts. Default: ${DEFAULT-VALUE}.")
  private int samples = HeadDetection.SAMPLES;

  @Option(
      names = "--length",
      paramLabel = "S",
      defaultValue = "" + HeadDetection.LENGTH,
      description = "Random tokens of a text, which it has twice. Default: ${DEFAULT-VALUE}.")
  private int length = HeadDetection.LENGTH;

  @Option(
      names = "--seed",
      paramLabel = "N",
      defaultValue = "0",
      description = "Of the random tokens. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--top",
      paramLabel = "K",
      defaultValue = "8",
      description = "How many heads of each kind to print. Default: ${DEFAULT-VALUE}.")
  private int top = 8;

  @Option(names = "--json", description = "Print JSON, with the scores of all heads.")
  private boolean json;

  LensHeadsCommand() {}

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      HeadDetection detection = HeadDetection.of(Lens.of(opened), samples, length, seed);
      if (page.isWanted()) {
        page.write(opened, "vidrio lens heads", new int[0], List.of(Views.heads(detection)));
      } else if (json) {
        Json.print(contents(opened, detection));
      } else {
        print(detection);
      }
    }
    return 0;
  }

  private void print(HeadDetection detection) {
    var head = new StringBuilder();
    COLUMNS.keySet().forEach(name -> head.append("%-16s".formatted(name)));
    System.out.println(head.toString().stripTrailing());
    for (int i = 0; i < Math.clamp(top, 0, detection.heads().size()); i++) {
      var line = new StringBuilder();
      for (ToDoubleFunction<HeadScores> score : COLUMNS.values()) {
        HeadScores best = detection.ranked(score).get(i);
        double value = score.applyAsDouble(best);
        line.append("%-8s".formatted(best.name()))
            .append(Heat.cell(String.format(Locale.ROOT, "%5.3f", value), value))
            .append("   ");
      }
      System.out.println(line.toString().stripTrailing());
    }
    System.out.printf(
        Locale.ROOT,
        "%d heads; %.0f %% attend to the first token by more than %.1f%n",
        detection.heads().size(),
        100 * detection.sinkRate(SINK),
        SINK);
  }

  private Map<String, Object> contents(Model opened, HeadDetection detection) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("samples", detection.samples());
    result.put("length", detection.length());
    result.put("seed", seed);
    result.put("sink_rate", detection.sinkRate(SINK));
    result.put("heads", detection.heads().stream().map(LensAttentionCommand::contents).toList());
    return result;
  }
}
