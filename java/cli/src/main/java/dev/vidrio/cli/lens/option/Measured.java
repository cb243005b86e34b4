package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.stream.Collectors;

/** A text and what is measured of its next token. */
public final class Measured {
  /** Tokens of a set to name. */
  private static final int NAMED = 4;

  private final Model model;
  private final MetricSpec.Bound bound;
  private final int[] text;
  private final Metric metric;

  private Measured(Model model, MetricSpec.Bound bound, int[] text, Metric metric) {
    this.model = model;
    this.bound = bound;
    this.text = text;
    this.metric = metric;
  }

  /** Returns a text with a metric. */
  public static Measured of(Lens lens, MetricSpec.Bound bound, int[] text) {
    return new Measured(lens.model(), bound, bound.text(text), bound.metric(lens, text));
  }

  /** Returns the metric's kind and tokens. */
  public MetricSpec.Bound bound() {
    return bound;
  }

  /** Returns the tokens to run: the text, with all tokens of an answer of several but the last. */
  public int[] text() {
    return text;
  }

  /** Returns the metric. */
  public Metric metric() {
    return metric;
  }

  /** Returns the metric for a method that uses gradients, which rejects metrics without one. */
  public DifferentiableMetric differentiable(String method) {
    MetricSpec.of(bound.kind()).requireDifferentiable(method);
    return (DifferentiableMetric) metric;
  }

  /** Returns the name of the metric with its tokens: {@code logit of " Mary"}. */
  public String name() {
    String answers = tokens(bound.answers());
    String wrong = tokens(bound.wrong());
    return switch (bound.kind()) {
      case LOGIT_DIFF -> "logit of " + answers + " minus that of " + wrong;
      case LOGIT -> "logit of " + answers;
      case PROB_DIFF -> "probability of " + answers + " minus that of " + wrong;
      case PROB -> "probability of " + answers;
      case LOGPROB -> {
        int[] answer = bound.answers().stream().mapToInt(Integer::intValue).toArray();
        yield "log-probability of " + Escapes.quote(model.tokenizer().decode(answer));
      }
      case KL -> "KL divergence from the clean run";
      case ENTROPY -> "entropy of the prediction";
      case ACCURACY ->
          "accuracy of " + answers + (bound.wrong().isEmpty() ? "" : " against " + wrong);
    };
  }

  private String tokens(List<Integer> tokens) {
    String named =
        tokens.stream()
            .limit(NAMED)
            .map(token -> TokenText.of(model, token))
            .collect(Collectors.joining(", "));
    return tokens.size() <= NAMED ? named : named + ", … (" + tokens.size() + " tokens)";
  }

  /** Adds the metric and its tokens to a JSON object. */
  public void fill(JsonObject object) {
    fill(object, bound, "token", "versus");
  }

  /**
   * Adds a metric and its tokens to a JSON object: single tokens as numbers, others as arrays.
   *
   * @param one the name of a single answer
   * @param other the name of a single wrong answer
   */
  public static void fill(JsonObject object, MetricSpec.Bound bound, String one, String other) {
    MetricKind kind = bound.kind();
    object.put("metric_kind", kind.key());
    put(object, bound.answers(), one, "answers");
    put(object, bound.wrong(), other, "wrong_answers");
  }

  private static void put(JsonObject object, List<Integer> tokens, String one, String many) {
    if (tokens.size() == 1) {
      object.put(one, tokens.getFirst());
    } else if (!tokens.isEmpty()) {
      object.put(many, tokens);
    }
  }
}
