package dev.vidrio.server.lens;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/attribution}: the attribution of a token's logit, or of another
 * metric, to the tokens before it.
 *
 * @param text the input
 * @param position the position of the attributed token; null for the last
 * @param metric what is attributed; the attributed token is the answer, unless it has its own
 * @param versus the wrong answer of metrics of two; null for none
 * @param method {@code grad_x_input}, {@code gradient} or {@code occlusion}
 * @param changes edits of activations
 */
record LensAttribution(
    LensInput text,
    @Nullable JsonValue position,
    MetricSpec metric,
    @Nullable JsonValue versus,
    String method,
    LensEdits changes)
    implements LensRequest {
  private static final String OCCLUSION = "occlusion";

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
    MetricSpec metric =
        LensMetric.spec(fields, versus == null ? MetricKind.LOGIT : MetricKind.LOGIT_DIFF);
    String method = method(fields, metric);
    if (metric.needsWrong() && versus == null) {
      throw ApiException.invalid("versus", "is required by metric " + metric.kind().key());
    }
    return new LensAttribution(text, position, metric, versus, method, LensEdits.read(fields));
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
    if (method.equals(OCCLUSION)) {
      LensPatch.requireRuns(text.path(), runs(method, at), at);
    }
    int target = tokens[at];
    MetricSpec.Bound bound = bind(model, target);
    Supplier<List<Intervention>> edits = changes.prepare(model, before);
    return () -> answer(model, before, target, bound, edits.get());
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

  private Answer answer(
      ServedModel model,
      int[] before,
      int target,
      MetricSpec.Bound bound,
      List<Intervention> edits) {
    Lens lens = Lens.of(model.model()).edited(edits);
    int[] text = bound.text(before);
    Scores scores = scores(lens, method, text, bound.metric(lens, before));
    return Answer.json(
        LensInput.head(model, text)
            .with("target", target)
            .with("target_piece", model.tokenizer().piece(target))
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
