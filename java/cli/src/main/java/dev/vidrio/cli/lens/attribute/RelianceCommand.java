package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.AnswerOption;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TextSpan;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.attribute.Answer;
import dev.vidrio.lens.attribute.ContextReliance;
import dev.vidrio.lens.attribute.ContextReliance.Token;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.page.Grid;
import dev.vidrio.lens.page.Grid.Measure;
import dev.vidrio.lens.page.Grid.Scale;
import dev.vidrio.lens.page.View;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens reliance}. */
@Command(
    name = "reliance",
    description = {
      "Context reliance: measures how much each token of an answer depends on a part of the text,"
          + " such as a retrieved document.",
      "with, without: log-probability of the token, or another --metric, with and without the"
          + " context. p-cxmi: the difference of log-probabilities in nats, the pointwise"
          + " cross-mutual information; that of another metric is called change. KL: divergence of"
          + " the predictions with the context from those without; a star marks tokens above the"
          + " mean plus one standard deviation. Last, the most likely token without the context."
    })
@JsonHelp("Print JSON, with token ids.")
public final class RelianceCommand extends TextCommand<ContextReliance> {
  private static final int TOKEN = 16;

  /** The way in which the context is removed. */
  private enum Way {
    DELETE,
    ZERO,
    HIDE
  }

  @Mixin private AnswerOption answer = new AnswerOption();
  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--versus",
      paramLabel = "TEXT",
      description = "A token to contrast each token of the answer with, for metrics of two tokens.")
  private @Nullable String versus;

  @Option(
      names = "--context",
      paramLabel = "TEXT",
      required = true,
      description = "The context: a part of the text, where it occurs first.")
  private String context = "";

  @Option(
      names = "--removal",
      paramLabel = "WAY",
      defaultValue = "delete",
      description =
          "How the context is removed. delete: later tokens move to its positions; zero: its"
              + " embeddings are zero; hide: later tokens do not attend to it.")
  private Way removal = Way.DELETE;

  @Override
  protected void check() {
    super.check();
    answer.check();
    if (!answer.isAsked()) {
      throw new UsageException("needs an answer: generate one with -n, or give it with --answer");
    }
    MetricKind kind = spec().kind();
    if (kind == MetricKind.KL || kind == MetricKind.ACCURACY) {
      throw new UsageException(
          "--metric " + kind.key() + ": not supported; the columns KL and likely show it");
    }
    if (spec().needsWrong() && versus == null) {
      throw new UsageException(
          "Missing required option: '--versus=TEXT' (--metric " + kind.key() + ")");
    }
  }

  private MetricSpec spec() {
    return metric.or(versus == null ? MetricKind.LOGPROB : MetricKind.LOGIT_DIFF);
  }

  /** Returns the metric of a token of the answer. */
  private DifferentiableMetric measured(Lens lens, int token) {
    List<String> own = List.of("#" + token);
    MetricSpec.Bound bound = spec().bind(lens.model(), own, MetricOption.tokens(versus), "");
    if (bound.kind().readsSequence() && bound.answers().size() != 1) {
      throw new InvalidInputException(
          "metric", spec().answers().getFirst(), "must be a single token");
    }
    return (DifferentiableMetric) bound.metric(lens, tokens());
  }

  @Override
  protected ContextReliance run(Lens lens, int[] text) {
    TextSpan found = TextSpan.of(lens.model(), text, "context", context);
    var span = new TokenSpan(found.from(), found.to());
    int[] tokens = use(answer.complete(lens.model(), text));
    var explained = new Answer(tokens, text.length, token -> measured(lens, token));
    return switch (removal) {
      case DELETE -> ContextReliance.of(lens, explained, span);
      case ZERO -> ContextReliance.of(lens, explained, span, Removal.zero());
      case HIDE -> ContextReliance.of(lens, explained, span, Removal.hide());
    };
  }

  @Override
  protected void print(ContextReliance found) {
    System.out.println(title(found));
    System.out.printf(
        " pos %-16s %8s %8s %8s %8s  %-16s%n",
        "token", "with", "without", difference(), "KL", "likely without");
    double greatest = found.tokens().stream().mapToDouble(Token::divergence).max().orElse(0);
    for (int i = 0; i < found.tokens().size(); i++) {
      Token token = found.tokens().get(i);
      boolean marked = token.divergence() > found.threshold();
      System.out.printf(
          "%4d %s %8.3f %8.3f %+8.3f %8.3f%s %s %s%n",
          found.from() + i,
          TokenText.column(model(), token.token(), TOKEN),
          token.with(),
          token.without(),
          token.information(),
          token.divergence(),
          marked ? "*" : " ",
          TokenText.column(model(), token.likely(), TOKEN),
          TextBar.of(token.divergence(), greatest));
    }
    Hint.print("'vidrio lens attribute --answer TEXT' attributes the answer to tokens.");
  }

  /** Returns the name of the differences. */
  private String difference() {
    return spec().kind() == MetricKind.LOGPROB ? "p-cxmi" : "change";
  }

  private String title(ContextReliance found) {
    boolean nats = spec().kind() == MetricKind.LOGPROB;
    return String.format(
        "%s: %.3f %s, from a context of %d tokens at %d:%d",
        nats ? "p-cxmi of the answer" : "mean change of the " + spec().kind().label(),
        nats ? found.information() : found.information() / found.tokens().size(),
        spec().kind().unit(),
        found.context().length(),
        found.context().from(),
        found.context().to());
  }

  @Override
  protected void fill(JsonObject object, ContextReliance found) {
    object.with("tokens", tokens()).with("from", found.from());
    object.with("context", List.of(found.context().from(), found.context().to()));
    object.with("removal", removal.name().toLowerCase(Locale.ROOT));
    object.put("metric_kind", spec().kind().key());
    object.with("information", found.information()).with("threshold", found.threshold());
    object.put(
        "answer",
        found.tokens().stream()
            .map(
                token ->
                    TokenText.toJson(model(), token.token())
                        .with("with", token.with())
                        .with("without", token.without())
                        .with("information", token.information())
                        .with("divergence", token.divergence())
                        .with("likely", TokenText.toJson(model(), token.likely())))
            .toList());
  }

  @Override
  protected List<? extends View> views(ContextReliance found) {
    List<String> columns =
        IntStream.range(0, found.tokens().size())
            .mapToObj(
                i ->
                    (found.from() + i)
                        + " "
                        + model().tokenizer().piece(found.tokens().get(i).token()))
            .toList();
    return List.of(
        Grid.heatMap(
            "Context reliance",
            title(found) + ".",
            "measure",
            List.of(difference()),
            "answer",
            columns,
            List.of(Measure.of(difference(), Scale.DIVERGING, row(found, Token::information)))),
        Grid.heatMap(
            "Divergence from predictions without the context",
            "In nats.",
            "measure",
            List.of("KL"),
            "answer",
            columns,
            List.of(Measure.of("KL", Scale.SEQUENTIAL, row(found, Token::divergence)))));
  }

  private static double[][] row(ContextReliance found, ToDoubleFunction<Token> measure) {
    return new double[][] {found.tokens().stream().mapToDouble(measure).toArray()};
  }
}
