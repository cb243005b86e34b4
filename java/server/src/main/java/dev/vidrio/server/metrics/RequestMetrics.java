package dev.vidrio.server.metrics;

import static java.util.stream.Collectors.toMap;

import dev.vidrio.micrometer.AnswerMetrics;
import dev.vidrio.micrometer.EngineMetrics;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The meters of the server, in the Prometheus text format. */
public final class RequestMetrics {
  /** The content type of {@link #scrape}. */
  public static final String CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

  /** Creates an empty registry. */
  public RequestMetrics() {}

  /** Registers the meters of a model's engine and of requests to its adapters. */
  public ModelMetrics of(String model, List<String> adapters) {
    Map<String, AnswerMetrics> meters =
        adapters.stream()
            .collect(toMap(adapter -> adapter, adapter -> new AnswerMetrics(registry, adapter)));
    return new ModelMetrics(new EngineMetrics(registry, model), meters);
  }

  /** Counts a request by the path of its route, which bounds the number of time series. */
  public void finished(String method, String path, int status, Duration duration) {
    Timer.builder("http.server.requests")
        .description("HTTP requests and their duration")
        .tag("method", knownMethod(method))
        .tag("uri", path)
        .tag("status", Integer.toString(status))
        .register(registry)
        .record(duration);
  }

  private static String knownMethod(String method) {
    return switch (method) {
      case "GET", "POST", "HEAD" -> method;
      default -> "other";
    };
  }

  /** Returns all meters as text. */
  public byte[] scrape() {
    return registry.scrape().getBytes(StandardCharsets.UTF_8);
  }
}
