package dev.vidrio.server.lens;

import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The metric of a request: {@code metric}, and the fields with its answers.
 *
 * @param spec the metric
 * @param answer the right answer: a token, or an array of tokens; null for none
 * @param wrong the wrong answer; null for none
 */
record LensMetric(MetricSpec spec, @Nullable JsonValue answer, @Nullable JsonValue wrong) {
  /** Maximum tokens of a set. */
  private static final int MAX_TOKENS = 1024;

  /** Reads the field {@code metric}. */
  static MetricSpec spec(JsonFields fields, MetricKind otherwise) {
    String text = fields.string("metric");
    return text == null ? MetricSpec.of(otherwise) : MetricSpec.parse(text);
  }

  /** Reads the answers of a metric, and rejects those that it does not read. */
  static LensMetric read(JsonFields fields, MetricSpec spec) {
    String reason = "not read by metric " + spec;
    boolean readsWrong = spec.needsAnswers() && spec.kind().readsWrong();
    if (!spec.needsAnswers()) {
      fields.reject("answer", reason);
    }
    if (!readsWrong) {
      fields.reject("wrong", reason);
    }
    JsonValue answer = spec.needsAnswers() ? fields.required("answer") : null;
    JsonValue wrong = spec.needsWrong() ? fields.required("wrong") : fields.value("wrong");
    return new LensMetric(spec, answer, wrong);
  }

  /**
   * Resolves the tokens.
   *
   * @throws ApiException 400 if one is not in the vocabulary, or an answer is also a wrong one
   */
  MetricSpec.Bound bind(ServedModel model) {
    if (!spec.needsAnswers()) {
      return spec.bind(model.model(), List.of(), List.of(), "");
    }
    MetricKind kind = spec.kind();
    if (kind.readsSequence() && answer != null && answer.isString()) {
      return spec.bind(model.model(), List.of(answer.string()), List.of(), "");
    }
    List<Integer> right = tokens(answer, model);
    List<Integer> other = kind.readsWrong() ? tokens(wrong, model) : List.of();
    if (right.isEmpty()) {
      throw ApiException.invalid("answer", "must have 1 or more tokens");
    }
    if (other.stream().anyMatch(right::contains)) {
      throw ApiException.invalid("wrong", "must differ from answer");
    }
    return new MetricSpec.Bound(kind, right, other);
  }

  private static List<Integer> tokens(@Nullable JsonValue value, ServedModel model) {
    if (value == null) {
      return List.of();
    }
    List<JsonValue> all = value.isArray() ? value.elements(1, MAX_TOKENS) : List.of(value);
    List<Integer> tokens = new ArrayList<>();
    all.forEach(one -> tokens.add(LensInput.token(one).apply(model)[0]));
    return tokens;
  }

  /** Adds the answers to a response: single tokens as numbers, sets as arrays. */
  static JsonObject fill(JsonObject json, MetricSpec.Bound metric) {
    if (!metric.answers().isEmpty()) {
      json.with("answer", oneOrAll(metric.answers()));
    }
    if (!metric.wrong().isEmpty()) {
      json.with("wrong", oneOrAll(metric.wrong()));
    }
    return json;
  }

  private static Object oneOrAll(List<Integer> tokens) {
    return tokens.size() == 1 ? tokens.getFirst() : tokens;
  }
}
