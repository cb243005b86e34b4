package dev.vidrio.server.lens;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.PrefixAttribution;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/attribution}: the attribution of a token's logit, of the
 * log-probability of several tokens, or of another metric, to the tokens before.
 *
 * @param text the input
 * @param position the position of the attributed token, or of the first; null for the last
 * @param to the position after the last of several attributed tokens; null for one token
 * @param metric what is attributed; the attributed token is the answer, unless it has its own
 * @param versus the wrong answer of metrics of two; null for none
 * @param method {@code grad_x_input}, {@code gradient} or {@code occlusion}
 * @param changes edits of activations
 * @param ahead the tokens that follow
 */
record LensAttribution(
    LensInput text,
    @Nullable JsonValue position,
    @Nullable JsonValue to,
    MetricSpec metric,
    @Nullable JsonValue versus,
    String method,
    LensEdits changes,
    LensAhead ahead)
    implements LensRequest {
  private static final String OCCLUSION = "occlusion";

  /** Maximum number of attributed tokens: the logits of each take memory. */
  private static final int MAX_SPAN = 128;

  /** Maximum number of earlier tokens of the answer that a kept run can attribute. */
  private static final int MAX_BACK = 64;

  /** The attributed metric and the score of each token. */
  record Scores(double value, List<Double> scores) {}

  /** Reads a request, of one text or of {@code pairs}. */
  static LensRequest read(JsonFields fields) {
    JsonValue several = fields.value("pairs");
    return several == null ? one(fields) : LensPairsAttribution.read(several, fields);
  }

  private static LensAttribution one(JsonFields fields) {
    JsonValue versus = fields.value("versus");
    LensInput text = LensInput.read(fields);
    JsonValue position = fields.value("position");
    JsonValue to = fields.value("to");
    MetricSpec metric = LensMetric.spec(fields, standard(versus, to));
    String method = method(fields, metric);
    if (to != null && metric.kind() != MetricKind.LOGPROB) {
      throw to.error("is read by metric logprob only");
    }
    if (metric.needsWrong() && versus == null) {
      throw ApiException.invalid("versus", "is required by metric " + metric.kind().key());
    }
    return new LensAttribution(
        text, position, to, metric, versus, method, LensEdits.read(fields), LensAhead.read(fields));
  }

  /** Returns the metric of requests that name none. */
  private static MetricKind standard(@Nullable JsonValue versus, @Nullable JsonValue to) {
    if (to != null) {
      return MetricKind.LOGPROB;
    }
    return versus == null ? MetricKind.LOGIT : MetricKind.LOGIT_DIFF;
  }

  /** Reads the method, which must fit the metric. */
  static String method(JsonFields fields, MetricSpec metric) {
    String method = fields.oneOf("method", "grad_x_input", "grad_x_input", "gradient", OCCLUSION);
    if (!method.equals(OCCLUSION)) {
      metric.requireCleanGradient("method " + method);
    }
    return method;
  }

  /** Returns the number of forward passes of a method over a text. */
  static long runs(String method, int tokens) {
    return method.equals(OCCLUSION) ? tokens + 1L : 1;
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] tokens = text.tokens(model);
    if (tokens.length < 2) {
      throw ApiException.invalid(text.path(), "must have at least 2 tokens");
    }
    int at = position == null ? tokens.length - 1 : LensInput.positionOf(position, 1, tokens);
    int[] before = Arrays.copyOf(tokens, at);
    int target = tokens[at];
    MetricSpec.Bound bound = to == null ? bind(model, target) : span(tokens, at);
    int[] run = bound.text(before);
    if (method.equals(OCCLUSION)) {
      LensPatch.requireRuns(text.path(), runs(method, run.length), run.length);
    }
    Supplier<List<Intervention>> edits = changes.prepare(model, run);
    int[] whole = ahead.after(tokens, model);
    boolean keeps =
        ahead.isKept(changes)
            && !method.equals(OCCLUSION)
            && Arrays.mismatch(run, whole) == run.length;
    int prompt = tokens.length - text.answerTokens();
    return () -> {
      Lens lens = Lens.of(model.model()).edited(edits.get());
      Metric measured = bound.metric(lens, before);
      Scores scores =
          (keeps ? kept(model, lens, whole, prompt, run, measured) : Optional.<Scores>empty())
              .orElseGet(() -> scores(lens, method, run, measured));
      return answer(model, run, target, bound, scores);
    };
  }

  /**
   * Attributes a metric by a kept run that begins with these tokens, or by a run of all.
   *
   * @param prompt the number of tokens before the answer
   */
  private Optional<Scores> kept(
      ServedModel model, Lens lens, int[] whole, int prompt, int[] run, Metric metric) {
    var measured = (DifferentiableMetric) metric;
    int begin = run.length - measured.positions() + 1;
    int first = Math.max(Math.min(begin, Math.max(1, prompt)), begin - MAX_BACK);
    return model
        .kept()
        .use(
            PrefixAttribution.class,
            work -> work.covers(run, measured.positions()),
            () -> PrefixAttribution.of(lens, whole, first, LensAhead.MAX_BYTES),
            work -> {
              InputAttribution found =
                  method.equals("gradient")
                      ? work.norm(run.length, measured)
                      : work.timesInput(run.length, measured);
              return new Scores(found.value(), found.scores());
            });
  }

  private MetricSpec.Bound bind(ServedModel model, int target) {
    if (!metric.needsAnswers()) {
      return metric.bind(model.model(), List.of(), List.of(), "");
    }
    List<Integer> wrong =
        versus == null || !metric.kind().readsWrong()
            ? List.of()
            : List.of(LensInput.token(versus).apply(model)[0]);
    if (wrong.contains(target)) {
      throw ApiException.invalid("versus", "must differ from the attributed token");
    }
    return new MetricSpec.Bound(metric.kind(), List.of(target), wrong);
  }

  /** Returns the log-probability of the tokens from a position on. */
  private MetricSpec.Bound span(int[] tokens, int from) {
    int end = Objects.requireNonNull(to).integer(from + 1, tokens.length);
    LensInput.requireAtMost("to", end - from, "attributed tokens", MAX_SPAN);
    List<Integer> targets = Arrays.stream(tokens, from, end).boxed().toList();
    return new MetricSpec.Bound(MetricKind.LOGPROB, targets, List.of());
  }

  private Answer answer(
      ServedModel model, int[] run, int target, MetricSpec.Bound bound, Scores scores) {
    return Answer.json(
        LensInput.head(model, run)
            .with("target", target)
            .with("target_piece", model.tokenizer().piece(target))
            .withPresent("targets", to == null ? null : bound.answers())
            .with("method", method)
            .with("metric_kind", bound.kind().key())
            .with(bound.kind().field(), scores.value())
            .with("scores", scores.scores()));
  }

  /** Attributes a metric to the tokens of a text. */
  static Scores scores(Lens lens, String method, int[] tokens, Metric measured) {
    if (method.equals(OCCLUSION)) {
      Occlusion occlusion = Occlusion.of(lens, tokens, Removal.hide(), measured);
      return new Scores(
          occlusion.metric(),
          IntStream.range(0, tokens.length).mapToObj(occlusion::effect).toList());
    }
    var attributed = (DifferentiableMetric) measured;
    var attribution =
        method.equals("gradient")
            ? GradientAttribution.norm(lens, tokens, attributed)
            : GradientAttribution.timesInput(lens, tokens, attributed);
    return new Scores(attribution.value(), attribution.scores());
  }
}
