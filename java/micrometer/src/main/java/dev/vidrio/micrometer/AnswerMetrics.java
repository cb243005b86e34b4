package dev.vidrio.micrometer;

import dev.vidrio.engine.EngineException;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Meters of the requests to one model name, which may be that of an adapter: {@code
 * gen_ai.server.request.duration}, {@code .time_to_first_token} and {@code .time_per_output_token}
 * by {@code gen_ai.operation.name}; {@code vidrio.inter_token_latency}, {@code
 * vidrio.requests.finished} and {@code .failed}. All have the tag {@code gen_ai.request.model}.
 * Thread-safe.
 */
public final class AnswerMetrics implements EngineListener {
  static final String MODEL = "gen_ai.request.model";

  private static final double[] DURATIONS = {
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92
  };
  private static final double[] FIRST_TOKEN = {
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10
  };
  private static final double[] PER_TOKEN = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5
  };

  private final MeterRegistry registry;
  private final String model;
  private final Timer betweenTokens;
  private final Map<Operation, OfOperation> operations = new ConcurrentHashMap<>();

  /**
   * Registers the meters. Those of an operation are registered with its first request.
   *
   * @param model the value of the tag {@code gen_ai.request.model}
   */
  public AnswerMetrics(MeterRegistry registry, String model) {
    this.registry = registry;
    this.model = model;
    this.betweenTokens =
        timer(
            "vidrio.inter_token_latency",
            "Time between consecutive tokens of a request",
            PER_TOKEN,
            Tags.empty());
  }

  private Timer timer(String name, String description, double[] buckets, Tags tags) {
    Duration[] bounds =
        Arrays.stream(buckets)
            .mapToObj(seconds -> Duration.ofNanos(Math.round(seconds * 1e9)))
            .toArray(Duration[]::new);
    return Timer.builder(name)
        .description(description)
        .tag(MODEL, model)
        .tags(tags)
        .serviceLevelObjectives(bounds)
        .register(registry);
  }

  @Override
  public EngineListener forRequest(GenerationRequest request) {
    return operations.computeIfAbsent(request.operation(), OfOperation::new);
  }

  /** Meters of one operation. */
  private final class OfOperation implements EngineListener {
    private final Timer duration;
    private final Timer firstToken;
    private final Timer perToken;

    OfOperation(Operation operation) {
      Tags tags =
          Tags.of("gen_ai.operation.name", operation.toString(), "gen_ai.provider.name", "vidrio");
      this.duration =
          timer(
              "gen_ai.server.request.duration",
              "Time from the submission of a request to its end",
              DURATIONS,
              tags);
      this.firstToken =
          timer(
              "gen_ai.server.time_to_first_token",
              "Time from the submission of a request to its first token",
              FIRST_TOKEN,
              tags);
      this.perToken =
          timer(
              "gen_ai.server.time_per_output_token",
              "Mean time per token of a request after the first",
              PER_TOKEN,
              tags);
    }

    @Override
    public void onTokens(boolean first, int count, Duration waited) {
      (first ? firstToken : betweenTokens).record(waited);
    }

    @Override
    public void onFinished(Completion completion) {
      duration.record(completion.total());
      int tokens = completion.result().tokens().size();
      if (tokens > 1) {
        perToken.record(completion.total().minus(completion.firstToken()).dividedBy(tokens - 1));
      }
      String finish = completion.result().finish().name().toLowerCase(Locale.ROOT);
      increment("vidrio.requests.finished", "Requests that ended with an answer", "finish", finish);
    }

    @Override
    public void onFailed(Throwable reason) {
      AnswerMetrics.this.onFailed(reason);
    }
  }

  @Override
  public void onFailed(Throwable reason) {
    String type =
        switch (reason) {
          case EngineException.QueueFull _ -> "queue_full";
          case EngineException.Closed _ -> "closed";
          default -> "step_failed";
        };
    increment(
        "vidrio.requests.failed", "Requests that were rejected or failed", "error.type", type);
  }

  private void increment(String name, String description, String tag, String value) {
    Counter.builder(name)
        .description(description)
        .tag(MODEL, model)
        .tag(tag, value)
        .register(registry)
        .increment();
  }
}
