package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TextSpan;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.fact.FactTracing;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
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
          + " noise; of a --metric that is not a probability, how much of it is recovered.",
      "With --pairs, the mean rise by layer and part of the text: at the first, middle and last"
          + " tokens of the subject, the next token, further tokens and the end. The subject is the"
          + " part in which the two texts of a pair differ, unless --subject names it."
    })
public final class TraceCommand extends TextCommand<TraceCommand.Found> {

  @Option(
      names = "--subject",
      paramLabel = "TEXT",
      description = "Noise is added to the embeddings of this part of the text.")
  private @Nullable String subject;

  @Option(names = "--answer", paramLabel = "TOKEN", description = "The next token, as text or #N.")
  private @Nullable String answer;

  @Option(
      names = "--wrong",
      paramLabel = "TOKEN",
      description = "A token to contrast it with, for metrics of two.")
  private @Nullable String wrong;

  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private DataOption data = new DataOption();

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

  /** The tracing of a text, or of several. */
  sealed interface Found {}

  /**
   * The tracing of a text.
   *
   * @param hidden the span of the subject
   */
  private record One(TextSpan hidden, Measured measured, CausalTracing tracing) implements Found {
    boolean isProbability() {
      return TraceCommand.isProbability(measured.bound().kind());
    }
  }

  /** The mean tracing of several texts. */
  private record Several(int texts, FactTracing tracing) implements Found {}

  private static boolean isProbability(MetricKind kind) {
    return kind.unit().equals("probability");
  }

  @Override
  protected void check() {
    super.check();
    data.check(command());
    for (String token : List.of("--answer", "--wrong")) {
      if (data.isGiven() && command().commandLine().getParseResult().hasMatchedOption(token)) {
        throw new UsageException(token + ": cannot be combined with --pairs");
      }
    }
    if (data.isGiven()) {
      return;
    }
    if (subject == null) {
      throw new UsageException("Missing required option: '--subject=TEXT'");
    }
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

  private CausalTracing.Options options() {
    return OptionValues.of(() -> new CausalTracing.Options(noise, runs, window, seed));
  }

  private static CausalTracing trace(
      Lens lens, TextSpan hidden, Measured measured, Site site, CausalTracing.Options options) {
    return CausalTracing.of(
        lens, measured.text(), hidden.from(), hidden.to(), measured.metric(), site, options);
  }

  @Override
  protected Found run(Model opened) {
    return data.isGiven() ? several(Lens.of(opened)) : super.run(opened);
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    TextSpan hidden = TextSpan.of(lens.model(), tokens, "subject", Objects.requireNonNull(subject));
    MetricSpec.Bound bound =
        spec().bind(lens.model(), MetricOption.tokens(answer), MetricOption.tokens(wrong), "");
    Measured measured = Measured.of(lens, bound, tokens);
    use(measured.text());
    return new One(hidden, measured, trace(lens, hidden, measured, site, options()));
  }

  /** Traces the clean text of each pair. */
  private Found several(Lens lens) {
    MetricSpec spec = spec();
    List<PairText> pairs = data.read(spec);
    var sum = new FactTracing.Sum(site);
    try (var bar = new ProgressBar("texts")) {
      for (int i = 0; i < pairs.size(); i++) {
        PairText pair = pairs.get(i);
        String line = " of line " + (i + 1);
        int[] tokens = lens.model().tokenizer().encode(pair.clean());
        TextSpan hidden = subject(lens.model(), pair, tokens, line);
        MetricSpec.Bound bound = spec.bind(lens.model(), pair.answers(), pair.wrong(), line);
        Measured measured = Measured.of(lens, bound, tokens);
        sum.add(trace(lens, hidden, measured, site, options()), hidden.from(), hidden.to());
        bar.update((i + 1.0) / pairs.size(), "");
      }
    }
    return new Several(pairs.size(), sum.mean());
  }

  /** Returns the subject of a clean text: the given one, or the part that the other text lacks. */
  private TextSpan subject(Model model, PairText pair, int[] tokens, String line) {
    return subject == null
        ? TextSpan.difference(tokens, model.tokenizer().encode(pair.corrupted()), line)
        : TextSpan.of(model, tokens, "subject" + line, subject);
  }

  /** Returns the table to show: probabilities, or how much of another metric is recovered. */
  private static List<List<Double>> shown(One found) {
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
    switch (found) {
      case One one -> print(one);
      case Several several -> print(several);
    }
  }

  private void print(One found) {
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

  private void print(Several found) {
    FactTracing tracing = found.tracing;
    MetricKind kind = spec().kind();
    System.out.printf(
        "%s, mean of %d texts: clean %s, with noise %s%n",
        kind.label(), found.texts, tracing.clean(), tracing.corrupted());
    boolean percent = isProbability(kind);
    System.out.printf(
        "rise after restoring %s%s, ± 95 %% interval%n",
        name(), percent ? " in percentage points" : " in " + kind.unit());
    EstimateTable.print(tracing.effects(), percent ? EstimateText::percent : EstimateText::of);
    Hint.print("'vidrio lens trace -p TEXT' shows a single text by position.");
  }

  private String name() {
    return site.name().toLowerCase(Locale.ROOT);
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    if (found instanceof One one) {
      object.put("tokens", tokens());
      object.put("subject_from", one.hidden.from());
      object.put("subject_to", one.hidden.to());
      Measured.fill(object, one.measured.bound(), "answer", "wrong");
    } else {
      object.put("metric_kind", spec().kind().key());
    }
    object.put("site", name());
    object.put("window", window);
    object.put("noise", noise);
    object.put("runs", runs);
    String field = spec().kind().field();
    switch (found) {
      case One(_, _, CausalTracing tracing) -> {
        object.put("clean_" + field, tracing.clean());
        object.put("corrupted_" + field, tracing.corrupted());
        object.put("restored", tracing.restored());
      }
      case Several(int texts, FactTracing tracing) -> {
        object.put("texts", texts);
        object.put("clean_" + field, EstimateText.toJson(tracing.clean()));
        object.put("corrupted_" + field, EstimateText.toJson(tracing.corrupted()));
        object.put("effects", EstimateTable.toJson(tracing.effects()));
      }
    }
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        switch (found) {
          case One one ->
              Views.tracing(
                  model(), tokens(), one.tracing, one.measured.name(), one.isProbability());
          case Several(int texts, FactTracing tracing) ->
              EstimateTable.grid(
                  "Causal tracing",
                  "The rise of the "
                      + spec().kind().label()
                      + " after restoring "
                      + name()
                      + ", mean of "
                      + texts
                      + " texts.",
                  "effect",
                  tracing.effects());
        });
  }
}
