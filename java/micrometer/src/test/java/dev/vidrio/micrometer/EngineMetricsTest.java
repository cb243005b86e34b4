package dev.vidrio.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineException;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.Operation;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.testfiles.HeldExecutor;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Tests the meters and their Prometheus lines. */
class EngineMetricsTest {
  private static final String CHAT =
      "gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"vidrio\"";

  private static Completion completion(int tokens, Duration first, Duration total) {
    var result = new GenerationResult("", Collections.nCopies(tokens, 7), 3, FinishReason.STOP);
    return new Completion(result, 0, List.of(), List.of(), null, null, Duration.ZERO, first, total);
  }

  @Test
  void timersUseOpenTelemetryNamesAndBuckets() {
    var registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    EngineListener metrics =
        new EngineMetrics(registry, "m")
            .forRequest(GenerationRequest.builder(1).operation(Operation.CHAT).build());
    metrics.onTokens(true, 1, Duration.ofMillis(30));
    metrics.onTokens(false, 1, Duration.ofMillis(3));
    metrics.onFinished(completion(5, Duration.ofMillis(30), Duration.ofMillis(110)));
    metrics.onFailed(new IllegalStateException("no memory"));
    String text = registry.scrape();
    for (String line :
        List.of(
            "# TYPE gen_ai_server_request_duration_seconds histogram",
            "gen_ai_server_request_duration_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"0.08\"} 0",
            "gen_ai_server_request_duration_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"0.16\"} 1",
            "gen_ai_server_request_duration_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"81.92\"} 1",
            "gen_ai_server_request_duration_seconds_sum{"
                + CHAT
                + ",gen_ai_request_model=\"m\"} 0.11",
            "gen_ai_server_time_to_first_token_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"0.02\"} 0",
            "gen_ai_server_time_to_first_token_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"0.04\"} 1",
            "gen_ai_server_time_per_output_token_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"0.01\"} 0",
            "gen_ai_server_time_per_output_token_seconds_bucket{"
                + CHAT
                + ",gen_ai_request_model=\"m\",le=\"0.025\"} 1",
            "gen_ai_server_time_per_output_token_seconds_sum{"
                + CHAT
                + ",gen_ai_request_model=\"m\"} 0.02",
            "vidrio_inter_token_latency_seconds_bucket{gen_ai_request_model=\"m\",le=\"0.005\"} 1",
            "vidrio_requests_finished_total{finish=\"stop\",gen_ai_request_model=\"m\"} 1.0",
            "vidrio_requests_failed_total{error_type=\"step_failed\",gen_ai_request_model=\"m\"}"
                + " 1.0",
            "vidrio_requests_waiting{gen_ai_request_model=\"m\"} 0.0")) {
      assertTrue(("\n" + text).contains("\n" + line + "\n"), line + " in:\n" + text);
    }
  }

  @Test
  void countersMatchTheEngine() {
    var registry = new SimpleMeterRegistry();
    var metrics = new EngineMetrics(registry, "bard");
    int promptTokens;
    int tokens;
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model, EngineOptions.DEFAULT.withListener(metrics))) {
      metrics.watch(engine);
      int[] prompt = model.tokenizer().encode("To be, or not to be");
      var request =
          GenerationRequest.builder(prompt)
              .options(GenerationOptions.DEFAULT.withTokens(5))
              .build();
      promptTokens = prompt.length;
      tokens = engine.submit(request).result().result().tokens().size();
    }
    // The counters of a step are updated at its end, after its last token.
    assertEquals(promptTokens, registry.get("vidrio.tokens.prompt").functionCounter().count());
    assertEquals(tokens, registry.get("vidrio.tokens.generated").functionCounter().count());
    for (String name : List.of("hits", "misses", "read", "written")) {
      assertEquals(0, registry.get("vidrio.cache.disk." + name).functionCounter().count());
    }
    assertEquals(0, registry.get("vidrio.cache.disk.size").gauge().value());
    assertEquals(1, registry.get("gen_ai.server.time_to_first_token").timer().count());
    assertEquals(1, registry.get("gen_ai.server.request.duration").timer().count());
    metrics.watch(null);
    assertEquals(0, registry.get("vidrio.tokens.prompt").functionCounter().count());
  }

  /** A model may be loaded again while its last engine is being closed. */
  @Test
  void unwatch_keepsAnotherEngine() {
    var registry = new SimpleMeterRegistry();
    var metrics = new EngineMetrics(registry, "bard");
    try (Model model = Model.open(BardFiles.q8());
        Engine last = Engine.open(model);
        Engine next = Engine.open(model)) {
      metrics.watch(last);
      metrics.watch(next);
      metrics.unwatch(last);
      var request =
          GenerationRequest.builder(1).options(GenerationOptions.DEFAULT.withTokens(1)).build();
      assertEquals(1, next.submit(request).result().result().promptTokens());
      assertEquals(1, registry.get("vidrio.tokens.prompt").functionCounter().count());
      metrics.unwatch(next);
      assertEquals(0, registry.get("vidrio.tokens.prompt").functionCounter().count());
    }
  }

  @Test
  void countsRejectionsAsFailures() {
    var registry = new SimpleMeterRegistry();
    var options =
        EngineOptions.DEFAULT
            .withSequences(1)
            .withQueue(0)
            .withListener(new EngineMetrics(registry, "bard"));
    var steps = new HeldExecutor();
    try (Model model = steps.open(BardFiles.q8())) {
      var request = GenerationRequest.builder(model.tokenizer().encode("To be")).build();
      steps.hold(0);
      Engine engine = Engine.open(model, options);
      try (engine;
          TokenStream running = engine.submit(request)) {
        assertEquals(0, failures(registry, "queue_full"));
        assertThrows(EngineException.QueueFull.class, () -> engine.submit(request));
        assertEquals(1, failures(registry, "queue_full"));
        assertThrows(EngineException.QueueFull.class, () -> engine.requireCapacity(2));
        assertEquals(3, failures(registry, "queue_full"));
        running.cancel();
      }
      assertThrows(EngineException.Closed.class, () -> engine.submit(request));
      assertEquals(1, failures(registry, "closed"));
    }
  }

  private static double failures(SimpleMeterRegistry registry, String type) {
    return registry.find("vidrio.requests.failed").tag("error.type", type).counters().stream()
        .mapToDouble(Counter::count)
        .sum();
  }
}
