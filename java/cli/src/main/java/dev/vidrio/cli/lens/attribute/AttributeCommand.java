package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.AnswerOption;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.RemovalOption;
import dev.vidrio.cli.lens.option.SpansOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.attribute.Answer;
import dev.vidrio.lens.attribute.AnswerAttribution;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.attribute.KernelShap;
import dev.vidrio.lens.attribute.Lime;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.ShapleyValues;
import dev.vidrio.lens.attribute.SmoothGrad;
import dev.vidrio.lens.attribute.SpanGame;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens attribute}. */
@Command(
    name = "attribute",
    description = {
      "Attributes the logit of the next token, another --metric, or the logit of each token of an"
          + " answer (-n, --answer), to the tokens or spans of the text.",
      "gradient: norm of the gradient. grad_x_input: gradient times embedding. ig: integrated"
          + " gradients. smoothgrad: mean gradient under noise, times embedding. attn_lrp, cp_lrp:"
          + " layer-wise relevance propagation, patented for uses other than research.",
      "By removing spans, of the log-probability, or the difference of logits: occlusion (each"
          + " alone), shapley (Shapley values: all sets, or random orders if --samples are fewer),"
          + " kernel_shap and lime (fits to random sets).",
      "-o also writes FILE.safetensors: scores [answer, inputs], values, inputs and outputs (ranges"
          + " of positions), tokens."
    })
public final class AttributeCommand extends TextCommand<AttributeCommand.Found> {
  private static final int TOKEN = 16;

  /** The attribution methods. */
  private enum Method {
    GRADIENT,
    GRAD_X_INPUT,
    IG,
    SMOOTHGRAD,
    ATTN_LRP,
    CP_LRP,
    OCCLUSION,
    SHAPLEY,
    KERNEL_SHAP,
    LIME;

    boolean removes() {
      return compareTo(OCCLUSION) >= 0;
    }
  }

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private DataOption data = new DataOption();
  @Mixin private AnswerOption answer = new AnswerOption();
  @Mixin private SpansOption spans = new SpansOption();
  @Mixin private RemovalOption removal = new RemovalOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      defaultValue = "grad_x_input",
      description = "Method: ${COMPLETION-CANDIDATES}.")
  private Method method = Method.GRAD_X_INPUT;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Number of gradients that ig and smoothgrad average.")
  private int steps = 32;

  @Option(
      names = "--baseline",
      paramLabel = "TEXT",
      description = "Baseline of ig: a token, or #N. Default: zero embeddings.")
  private @Nullable String baseline;

  @Option(
      names = "--noise",
      paramLabel = "SHARE",
      description = "Standard deviation of smoothgrad's noise, relative to that of the embeddings.")
  private double noise = 0.1;

  @Option(
      names = "--samples",
      paramLabel = "N",
      description =
          "Sets of present spans that shapley, kernel_shap and lime evaluate, at most; all 2^k if"
              + " they are no more.")
  private int samples = 1024;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the noise, or of the sets.")
  private long seed;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Scores to print for each token of the answer; JSON has all.")
  private int top = 3;

  /** The scores of the tokens or spans. */
  sealed interface Found {
    /** Returns the metric and its value. */
    String title();
  }

  /**
   * The scores of the tokens: of a text, or means over several texts.
   *
   * @param title what is attributed
   * @param measured the text; null for several
   * @param mean of the metric
   * @param scores of each position
   * @param attribution the scores, or their means
   */
  private record OfTokens(
      String title,
      @Nullable Measured measured,
      Estimate mean,
      List<Estimate> scores,
      InputAttribution attribution)
      implements Found {}

  /**
   * The scores of the spans before a single token, or of the spans before each token of an answer.
   *
   * @param measured the text before a single token; null for an answer
   * @param halfWidths of 95 % intervals; empty for none
   */
  private record OfSpans(
      @Nullable Measured measured,
      String title,
      AnswerAttribution attribution,
      List<List<Double>> halfWidths)
      implements Found {}

  /** An attribution with 95 % intervals, if there are some. */
  private record Estimated(AnswerAttribution attribution, List<List<Double>> halfWidths) {
    static Estimated of(AnswerAttribution attribution) {
      return new Estimated(attribution, List.of());
    }
  }

  @Override
  protected void check() {
    super.check();
    data.check(command());
    if (!method.removes()) {
      boolean local = method != Method.IG && method != Method.SMOOTHGRAD;
      metric.requireGradient("--method " + name(), local);
    }
    UsageException.requireAtLeast("--steps", steps, 1);
    UsageException.requireAtLeast("--samples", samples, 1);
    if (!(noise >= 0 && Double.isFinite(noise))) {
      throw new UsageException("--noise " + noise + ": must be finite and not negative");
    }
    answer.check();
    spans.check(input());
    removal.check();
    var given = command().commandLine().getParseResult();
    if (answer.isAsked()) {
      for (String option : List.of("--position", "--token", "--metric", "--pairs")) {
        if (given.hasMatchedOption(option)) {
          throw new UsageException(option + ": cannot be combined with an answer");
        }
      }
    }
    if (data.isGiven() && (method.removes() || !spans.areTokens())) {
      throw new UsageException(
          "--pairs: cannot be combined with --spans, or with methods that remove spans");
    }
    if (!method.removes() && given.hasMatchedOption("--removal")) {
      throw new UsageException("--removal: has no effect on --method " + name());
    }
  }

  @Override
  protected int[] read(Model opened, TextInput given) {
    return spans.read(opened, given);
  }

  private double seconds;

  @Override
  protected Found run(Model opened) {
    if (!data.isGiven()) {
      return super.run(opened);
    }
    edits.requireOneText();
    Lens lens = gradients.of(Lens.of(opened));
    MetricSpec spec = metric.or(MetricKind.LOGIT_DIFF);
    List<InputAttribution> all =
        data.each(
            lens,
            spec,
            text -> Arrays.copyOf(text, position.of(text) + 1),
            measured -> attribute(lens, measured.text(), measured.differentiable(name())));
    List<Estimate> scores =
        DataOption.means(all.stream().map(InputAttribution::scores).toList(), "attribute");
    Estimate mean = Estimate.of(all.stream().mapToDouble(InputAttribution::value).toArray());
    double explained =
        all.stream().mapToDouble(InputAttribution::explained).average().orElseThrow();
    return new OfTokens(
        spec.kind().label() + ", mean of " + all.size() + " texts: " + mean,
        null,
        mean,
        scores,
        new InputAttribution(mean.mean(), explained, DataOption.values(scores)));
  }

  @Override
  protected Found run(Lens plain, int[] text) {
    if (answer.isAsked()) {
      int[] complete = use(answer.complete(plain.model(), text));
      return whole(edits.apply(plain, complete), complete, text.length);
    }
    int at = position.of(text);
    int[] tokens = cut(at + 1);
    Lens lens = edits.apply(plain, tokens);
    MetricKind kind = method.removes() ? MetricKind.LOGPROB : MetricKind.LOGIT;
    Measured measured = target.of(lens, tokens, metric, kind);
    int[] ran = use(measured.text());
    if (method.removes()) {
      List<TokenSpan> parts = spans.of(lens.model().tokenizer(), ran);
      Estimated found = remove(SpanGame.of(lens, ran, parts, removal.of(lens), measured.metric()));
      double value = found.attribution.values().getFirst();
      return new OfSpans(measured, title(measured, at, value), found.attribution, found.halfWidths);
    }
    InputAttribution found = attribute(gradients.of(lens), ran, measured.differentiable(name()));
    String title = title(measured, at, found.value());
    if (spans.areTokens()) {
      return new OfTokens(
          title,
          measured,
          Estimate.of(found.value()),
          found.scores().stream().map(Estimate::of).toList(),
          found);
    }
    List<TokenSpan> parts = spans.of(lens.model().tokenizer(), ran);
    return new OfSpans(
        measured, title, single(found, parts, found.by(parts), ran.length), List.of());
  }

  private static String title(Measured measured, int at, double value) {
    return String.format("%s after position %d: %.3f", measured.name(), at, value);
  }

  /** Returns a matrix of one row. */
  private static AnswerAttribution single(
      InputAttribution found, List<TokenSpan> inputs, List<Double> scores, int end) {
    return new AnswerAttribution(
        inputs,
        List.of(new TokenSpan(end, end + 1)),
        List.of(found.value()),
        List.of(found.explained()),
        List.of(scores));
  }

  /** Attributes all tokens of an answer. */
  private Found whole(Lens lens, int[] tokens, int from) {
    IntFunction<DifferentiableMetric> metrics = target.ofAnswer(lens.model(), method.removes());
    var explained = new Answer(tokens, from, metrics);
    var tokenizer = lens.model().tokenizer();
    List<TokenSpan> inputs = spans.inputs(tokenizer, tokens, from);
    long start = System.nanoTime();
    Estimated found;
    if (method == Method.OCCLUSION) {
      found = Estimated.of(Occlusion.of(lens, explained, inputs, removal.of(lens)));
    } else if (method.removes()) {
      List<TokenSpan> prompt = inputs.stream().filter(span -> span.to() <= from).toList();
      found = remove(SpanGame.of(lens, explained, prompt, removal.of(lens)));
    } else {
      AnswerAttribution all = attribute(gradients.of(lens), explained);
      found = Estimated.of(spans.areTokens() ? all : all.byInputs(inputs));
    }
    seconds = (System.nanoTime() - start) / 1e9;
    List<TokenSpan> outputs = spans.outputs(tokenizer, tokens, from);
    boolean summed = outputs.size() < explained.length();
    String title =
        String.format(
            "%s of the answer's %d tokens: %.3f",
            target.answerName(method.removes()),
            explained.length(),
            found.attribution.values().stream().mapToDouble(Double::doubleValue).sum());
    return new OfSpans(
        null,
        title,
        summed ? found.attribution.byOutputs(outputs) : found.attribution,
        summed ? List.of() : found.halfWidths);
  }

  private Estimated remove(SpanGame game) {
    return switch (method) {
      case KERNEL_SHAP -> Estimated.of(KernelShap.of(game, samples, seed));
      case LIME -> Estimated.of(Lime.of(game, samples, seed));
      case SHAPLEY -> shapley(game);
      case OCCLUSION -> Estimated.of(Occlusion.of(game));
      default -> throw new IllegalStateException(method + " does not remove spans");
    };
  }

  private Estimated shapley(SpanGame game) {
    int k = game.size();
    if (k <= ShapleyValues.MOST_EXACT && (1 << k) <= samples) {
      return Estimated.of(ShapleyValues.exact(game));
    }
    int pairs = Math.max(1, samples / (2 * k));
    ShapleyValues.Sampled sampled = ShapleyValues.sampled(game, pairs, seed);
    return new Estimated(sampled.attribution(), sampled.halfWidths());
  }

  private AnswerAttribution attribute(Lens lens, Answer whole) {
    return switch (method) {
      case GRADIENT -> GradientAttribution.norm(lens, whole);
      case GRAD_X_INPUT -> GradientAttribution.timesInput(lens, whole);
      case IG -> IntegratedGradients.of(lens, whole, steps, baseline(lens));
      case SMOOTHGRAD -> SmoothGrad.of(lens, whole, steps, noise, seed);
      case ATTN_LRP -> GradientAttribution.relevance(lens, whole, GradientRules.ATTN_LRP);
      case CP_LRP -> GradientAttribution.relevance(lens, whole, GradientRules.CP_LRP);
      default -> throw new IllegalStateException(method + " has no gradient");
    };
  }

  private float[] baseline(Lens lens) {
    return baseline == null
        ? new float[lens.model().architecture().width()]
        : InputAttribution.embedding(lens, TokenText.parse(lens.model(), "baseline", baseline));
  }

  private InputAttribution attribute(Lens lens, int[] tokens, DifferentiableMetric metric) {
    return switch (method) {
      case GRADIENT -> GradientAttribution.norm(lens, tokens, metric);
      case GRAD_X_INPUT -> GradientAttribution.timesInput(lens, tokens, metric);
      case IG -> IntegratedGradients.of(lens, tokens, metric, steps, baseline(lens));
      case SMOOTHGRAD -> SmoothGrad.of(lens, tokens, metric, steps, noise, seed);
      case ATTN_LRP -> GradientAttribution.relevance(lens, tokens, metric, GradientRules.ATTN_LRP);
      case CP_LRP -> GradientAttribution.relevance(lens, tokens, metric, GradientRules.CP_LRP);
      default -> throw new IllegalStateException(method + " has no gradient");
    };
  }

  private static String sum(double sum, double explained) {
    return Double.isNaN(explained)
        ? String.format("sum %.3f", sum)
        : String.format("sum %.3f of %.3f", sum, explained);
  }

  private String name() {
    return method.name().toLowerCase(Locale.ROOT);
  }

  private String title(Found found) {
    String sum =
        switch (found) {
          case OfTokens(_, _, _, _, InputAttribution one) -> sum(one.sum(), one.explained());
          case OfSpans(_, _, AnswerAttribution all, _) ->
              sum(
                  all.totals().stream().filter(v -> !Double.isNaN(v)).mapToDouble(v -> v).sum(),
                  all.explained().stream().mapToDouble(Double::doubleValue).sum());
        };
    return found.title() + "; " + name() + ", " + sum;
  }

  @Override
  protected void print(Found found) {
    System.out.println(title(found));
    switch (found) {
      case OfTokens one -> print(one);
      case OfSpans several -> print(several);
    }
  }

  private void print(OfTokens found) {
    List<Double> scores = found.attribution.scores();
    boolean several = found.measured == null;
    System.out.println(" pos token                score" + (several ? "     ±95 %" : ""));
    double greatest = scores.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int i = 0; i < scores.size(); i++) {
      double share = scores.get(i) / Math.max(greatest, Double.MIN_NORMAL);
      String text = several ? " ".repeat(TOKEN) : TokenText.column(model(), tokens()[i], TOKEN);
      System.out.printf(
          "%4d %s %+9.3f%s  %s%n",
          i,
          Terminal.OUT.isTerminal() ? Heat.signed(text, share) : text,
          scores.get(i),
          several ? " %9.3f".formatted(found.scores.get(i).halfWidth()) : "",
          TextBar.of(share, 1));
    }
    Hint.print("'vidrio lens occlusion' measures the effect of removing each token.");
  }

  private void print(OfSpans found) {
    var table = new AttributionTable(model(), tokens(), found.attribution);
    List<List<Double>> widths = found.halfWidths;
    if (found.measured != null) {
      List<Double> row = found.attribution.scores().getFirst();
      table.printInputs(spans.name(), row, widths.isEmpty() ? List.of() : widths.getFirst());
      return;
    }
    boolean summed = found.attribution.outputs().stream().anyMatch(span -> span.length() > 1);
    table.printOutputs(summed ? spans.name() : "token", top);
    System.out.println("sum over the answer:");
    table.printInputs(spans.name(), found.attribution.totals(), List.of());
    Hint.print("'-o page.html' draws all scores.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("method", name());
    switch (found) {
      case OfTokens one -> fill(object, one);
      case OfSpans several -> fill(object, several);
    }
  }

  private void fill(JsonObject object, OfTokens found) {
    Measured measured = found.measured;
    if (measured == null) {
      object.put("metric_kind", metric.or(MetricKind.LOGIT_DIFF).kind().key());
      object.put("value_half_width", Json.finite(found.mean.halfWidth()));
      DataOption.fill(object, found.mean.count(), found.scores);
    } else {
      object.put("tokens", tokens());
      measured.fill(object);
    }
    object.with("value", found.attribution.value()).with("sum", found.attribution.sum());
    if (!Double.isNaN(found.attribution.explained())) {
      object.put("explained", found.attribution.explained());
    }
    object.put("scores", found.attribution.scores());
  }

  private void fill(JsonObject object, OfSpans found) {
    object.put("tokens", tokens());
    if (found.measured == null) {
      object.put("seconds", seconds);
    } else {
      found.measured.fill(object);
    }
    new AttributionTable(model(), tokens(), found.attribution).fill(object);
    if (!found.halfWidths.isEmpty()) {
      object.put("half_widths", AttributionTable.finite(found.halfWidths));
    }
  }

  @Override
  protected String[] endings() {
    return new String[] {".html", ".safetensors"};
  }

  @Override
  protected void write(Found found, Path file) throws IOException {
    AnswerAttribution attribution =
        switch (found) {
          case OfTokens(_, _, _, _, InputAttribution one) -> {
            int end = one.scores().size();
            yield single(one, TokenSpan.tokens(0, end), one.scores(), end);
          }
          case OfSpans several -> several.attribution;
        };
    new AttributionTable(model(), tokens(), attribution).write(file, modelName(), name());
  }

  @Override
  protected List<? extends View> views(Found found) {
    String note = title(found) + ".";
    return switch (found) {
      case OfTokens(_, Measured measured, _, _, InputAttribution attribution) ->
          measured == null
              ? List.of(Bars.byPosition("Attribution", note, attribution.scores()))
              : List.of(
                  TokenValues.of(
                      model(),
                      "Attribution to tokens",
                      note,
                      Arrays.stream(tokens()).boxed().toList(),
                      attribution.scores()));
      case OfSpans(Measured one, _, AnswerAttribution attribution, _) ->
          new AttributionTable(model(), tokens(), attribution)
              .views("Attribution to " + spans.name() + "s", note, one == null);
    };
  }
}
