package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TextSpan;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens trace}. */
@Command(
    name = "trace",
    description = {
      "Causal tracing: finds the layers and positions that carry a fact.",
      "Noise on the subject's embeddings makes the answer unlikely. The table shows the probability"
          + " of the answer, in percent, after one activation is restored to its value without"
          + " noise; of a --metric that is not a probability, how much of it is recovered."
    })
public final class TraceCommand extends TextCommand<TraceCommand.Found> {

  @Option(
      names = "--subject",
      paramLabel = "TEXT",
      required = true,
      description = "The part of the text whose embeddings get noise.")
  private String subject = "";

  @Option(names = "--answer", paramLabel = "TOKEN", description = "The next token, as text or #N.")
  private @Nullable String answer;

  @Option(
      names = "--wrong",
      paramLabel = "TOKEN",
      description = "A token to contrast it with, for metrics of two.")
  private @Nullable String wrong;

  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "resid_post",
      description = "The activation to restore: ${COMPLETION-CANDIDATES}.")
  private Site site = Site.RESID_POST;

  @Option(
      names = "--window",
      paramLabel = "N",
      description =
          "Number of adjacent layers to restore together; use more for attn_out and mlp_out of a"
              + " large model.")
  private int window = 1;

  @Option(
      names = "--noise",
      paramLabel = "X",
      defaultValue = "3",
      description = "Standard deviation of the noise, relative to that of the text's embeddings.")
  private double noise = 3;

  @Option(names = "--runs", paramLabel = "N", description = "Runs with different noise to average.")
  private int runs = 10;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the noise.")
  private long seed;

  /**
   * The metrics of the answer.
   *
   * @param hidden the span of the subject
   */
  record Found(TextSpan hidden, Measured measured, CausalTracing tracing) {
    boolean isProbability() {
      return measured.bound().kind().unit().equals("probability");
    }
  }

  @Override
  protected void check() {
    super.check();
    MetricSpec spec = spec();
    if (spec.needsAnswers() && answer == null) {
      throw new UsageException("Missing required option: '--answer=TOKEN'");
    }
    if (spec.needsWrong() && wrong == null) {
      throw new UsageException(
          "Missing required option: '--wrong=TOKEN' (--metric " + spec.kind().key() + ")");
    }
  }

  private MetricSpec spec() {
    return metric.or(wrong == null ? MetricKind.PROB : MetricKind.LOGIT_DIFF);
  }

  private static List<String> of(@Nullable String token) {
    return token == null ? List.of() : List.of(token);
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    TextSpan hidden = TextSpan.of(lens.model(), tokens, "subject", subject);
    MetricSpec.Bound bound = spec().bind(lens.model(), of(answer), of(wrong), "");
    Measured measured = Measured.of(lens, bound, tokens);
    var options = new CausalTracing.Options(noise, runs, window, seed);
    return new Found(
        hidden,
        measured,
        CausalTracing.of(
            lens,
            use(measured.text()),
            hidden.from(),
            hidden.to(),
            measured.metric(),
            site,
            options));
  }

  /** Returns the table to show: probabilities, or how much of another metric is recovered. */
  private static List<List<Double>> shown(Found found) {
    double clean = found.tracing.clean();
    double corrupted = found.tracing.corrupted();
    return found.isProbability()
        ? found.tracing.restored()
        : found.tracing.restored().stream()
            .map(row -> row.stream().map(v -> (v - corrupted) / (clean - corrupted) + 0.0).toList())
            .toList();
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%s: clean %.3f, with noise %.3f%n",
        found.measured.name(), found.tracing.clean(), found.tracing.corrupted());
    System.out.println(" pos token");
    for (int p = 0; p < tokens().length; p++) {
      String mark = p >= found.hidden.from() && p < found.hidden.to() ? " with noise" : "";
      System.out.printf("%4d %s%s%n", p, TokenText.of(model(), tokens()[p]), mark);
    }
    System.out.println(
        (found.isProbability()
                ? "probability"
                : "% of "
                    + found.measured.bound().kind().label()
                    + " recovered (0 noise, 100 clean)")
            + " after restoring a layer (row) at a position (column)"
            + (found.isProbability() ? ", in %" : ""));
    HeatMap.print(
        IntStream.range(0, found.tracing.restored().size()).mapToObj(l -> "L" + l).toList(),
        IntStream.range(0, tokens().length).mapToObj(Integer::toString).toList(),
        shown(found));
    Hint.print("'vidrio lens patch' compares two texts without noise.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("tokens", tokens());
    object.put("subject_from", found.hidden.from());
    object.put("subject_to", found.hidden.to());
    Measured.fill(object, found.measured.bound(), "answer", "wrong");
    object.put("site", site.name().toLowerCase(Locale.ROOT));
    object.put("window", window);
    object.put("noise", noise);
    object.put("runs", runs);
    String field = found.measured.bound().kind().field();
    object.put("clean_" + field, found.tracing.clean());
    object.put("corrupted_" + field, found.tracing.corrupted());
    object.put("restored", found.tracing.restored());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        Views.tracing(
            model(), tokens(), found.tracing, found.measured.name(), found.isProbability()));
  }
}
