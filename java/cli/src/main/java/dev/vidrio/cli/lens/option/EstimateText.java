package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.numeric.Estimate;
import java.util.List;
import java.util.function.Function;

/** Formats means with their 95 % intervals. */
public final class EstimateText {
  private EstimateText() {}

  /** Returns {@code 0.512 ± 0.050}; without the interval if there is none. */
  public static String of(Estimate estimate) {
    return estimate.toString();
  }

  /** Returns {@code 51.2 ± 5.0}, in percent. */
  public static String percent(Estimate estimate) {
    return estimate.format("%.1f", 100);
  }

  /** Returns whether values of a metric are shown in percent. */
  public static boolean isPercent(MetricKind kind) {
    return !kind.unit().equals("logits") && !kind.unit().equals("nats");
  }

  /** Returns the unit in which {@link #of(MetricKind)} shows a metric: {@code %} or its own. */
  public static String unit(MetricKind kind) {
    return isPercent(kind) ? "%" : kind.unit();
  }

  /** Returns the text of values of a metric, probabilities and fractions in percent. */
  public static Function<Estimate, String> of(MetricKind kind) {
    return isPercent(kind) ? EstimateText::percent : EstimateText::of;
  }

  /** Returns a JSON object; numbers that do not exist are null. */
  public static JsonObject toJson(Estimate estimate) {
    return new JsonObject()
        .with("mean", Json.finite(estimate.mean()))
        .with("half_width", Json.finite(estimate.halfWidth()))
        .with("count", estimate.count());
  }

  /** Returns JSON objects. */
  public static List<JsonObject> toJson(List<Estimate> estimates) {
    return estimates.stream().map(EstimateText::toJson).toList();
  }
}
