package dev.vidrio.server.lens;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * A request of {@code /v1/lens/attribution} with {@code pairs}: the attribution of a metric to the
 * tokens of each clean text, and its mean.
 *
 * @param texts the clean texts with their answers
 * @param kind what is attributed
 * @param method as in {@link LensAttribution}
 * @param changes edits of activations, at positions of each text
 */
record LensPairsAttribution(List<Text> texts, MetricKind kind, String method, LensEdits changes)
    implements LensRequest {
  /** A clean text and its metric. */
  record Text(LensInput clean, LensMetric metric) {
    /** Reads a pair. Its corrupted text may be absent and is not used. */
    static Text read(JsonValue value, MetricSpec metric) {
      JsonFields fields = value.fields();
      var _ = fields.value("corrupted");
      var text =
          new Text(LensInput.plain(fields.required("clean")), LensMetric.read(fields, metric));
      fields.end();
      return text;
    }
  }

  /** The tokens of a clean text. */
  private static final class Bound {
    final int[] before;
    final int[] tokens;
    final MetricSpec.Bound metric;

    Bound(int[] before, MetricSpec.Bound metric) {
      this.before = before;
      this.tokens = metric.text(before);
      this.metric = metric;
    }
  }

  static LensPairsAttribution read(JsonValue pairs, JsonFields fields) {
    MetricSpec metric = LensMetric.spec(fields, MetricKind.LOGIT_DIFF);
    String method = LensAttribution.method(fields, metric);
    return new LensPairsAttribution(
        pairs.elements(1, LensPatch.MAX_PAIRS).stream()
            .map(pair -> Text.read(pair, metric))
            .toList(),
        metric.kind(),
        method,
        LensEdits.read(fields));
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    List<Bound> bound =
        texts.stream()
            .map(text -> new Bound(text.clean.tokens(model), text.metric.bind(model)))
            .toList();
    long work =
        bound.stream()
            .mapToLong(
                text -> LensAttribution.runs(method, text.tokens.length) * text.tokens.length)
            .sum();
    LensPatch.requireWork("pairs", work);
    List<Supplier<List<Intervention>>> edits =
        bound.stream().map(text -> changes.prepare(model, text.before)).toList();
    return () -> answer(model, bound, edits);
  }

  private Answer answer(
      ServedModel model, List<Bound> bound, List<Supplier<List<Intervention>>> edits) {
    List<LensAttribution.Scores> results = new ArrayList<>();
    List<JsonObject> pairs = new ArrayList<>();
    for (int i = 0; i < bound.size(); i++) {
      Bound text = bound.get(i);
      Lens lens = Lens.of(model.model()).edited(edits.get(i).get());
      LensAttribution.Scores scores =
          LensAttribution.scores(lens, method, text.tokens, text.metric.metric(lens, text.before));
      results.add(scores);
      pairs.add(
          LensMetric.fill(new JsonObject().with("tokens", text.tokens), text.metric)
              .with(kind.field(), scores.value())
              .with("scores", scores.scores()));
    }
    Estimate mean = mean(results.stream().map(LensAttribution.Scores::value).toList());
    var json =
        new JsonObject()
            .with("model", model.id())
            .with("method", method)
            .with("metric_kind", kind.key())
            .with(kind.field(), mean.mean());
    if (results.size() > 1) {
      json.with("half_width", mean.halfWidth());
    }
    json.with("pairs", pairs);
    int length = results.getFirst().scores().size();
    if (results.stream().allMatch(scores -> scores.scores().size() == length)) {
      List<Estimate> means =
          IntStream.range(0, length)
              .mapToObj(j -> mean(results.stream().map(scores -> scores.scores().get(j)).toList()))
              .toList();
      json.with("scores", means.stream().map(Estimate::mean).toList());
      if (results.size() > 1) {
        json.with("half_widths", means.stream().map(Estimate::halfWidth).toList());
      }
    }
    return Answer.json(json);
  }

  private static Estimate mean(List<Double> values) {
    return Estimate.of(values.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
