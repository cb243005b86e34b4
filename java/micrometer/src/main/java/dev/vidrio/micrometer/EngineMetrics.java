package dev.vidrio.micrometer;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineListener;
import dev.vidrio.engine.EngineStatus;
import dev.vidrio.engine.generation.GenerationRequest;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Registers Micrometer meters of one engine. Pass it to the engine as its listener, then let it
 * watch the engine:
 *
 * <pre>{@code
 * var metrics = new EngineMetrics(registry, "smollm2");
 * Engine engine = Engine.open(model, EngineOptions.DEFAULT.withListener(metrics));
 * metrics.watch(engine);
 * }</pre>
 *
 * <p>Times have the names and buckets of OpenTelemetry's semantic conventions for generative AI
 * ({@code gen_ai.server.request.duration}, {@code .time_to_first_token}, {@code
 * .time_per_output_token}); other meters have the prefix {@code vidrio}. Every meter has the tag
 * {@code gen_ai.request.model}. Thread-safe.
 */
public final class EngineMetrics implements EngineListener {
  private final MeterRegistry registry;
  private final String model;
  private final AnswerMetrics answers;
  private final AtomicReference<@Nullable Engine> engine = new AtomicReference<>();

  /**
   * Registers the meters.
   *
   * @param model the value of the tag {@code gen_ai.request.model}
   */
  public EngineMetrics(MeterRegistry registry, String model) {
    this.registry = registry;
    this.model = model;
    this.answers = new AnswerMetrics(registry, model);
    gauge("vidrio.requests.running", "Running requests", EngineStatus::running);
    gauge("vidrio.requests.waiting", "Waiting requests", EngineStatus::waiting);
    gauge("vidrio.kv.usage", "Fraction of the KV cache in use", EngineMetrics::usage);
    counter("vidrio.tokens.prompt", "Prompt tokens", EngineStatus::promptTokens);
    counter(
        "vidrio.tokens.cached",
        "Prompt tokens found in the prefix cache",
        EngineStatus::cachedTokens);
    counter("vidrio.tokens.generated", "Generated tokens", EngineStatus::generatedTokens);
    counter(
        "vidrio.tokens.draft",
        "Draft tokens proposed by speculative decoding",
        EngineStatus::draftTokens);
    counter(
        "vidrio.tokens.accepted",
        "Draft tokens accepted by the model",
        EngineStatus::acceptedTokens);
    counter(
        "vidrio.preemptions",
        "Requests preempted for lack of KV cache blocks",
        EngineStatus::preemptions);
    counter(
        "vidrio.cache.disk.hits",
        "States read from the prefix cache on disk",
        status -> status.disk().hits());
    counter(
        "vidrio.cache.disk.misses",
        "Lookups in the prefix cache on disk that found nothing",
        status -> status.disk().misses());
    counter(
        "vidrio.cache.disk.read",
        "Bytes read from the prefix cache on disk",
        status -> status.disk().readBytes());
    counter(
        "vidrio.cache.disk.written",
        "Bytes written to the prefix cache on disk",
        status -> status.disk().writtenBytes());
    gauge(
        "vidrio.cache.disk.size",
        "Bytes of the prefix cache on disk, of all models and processes",
        status -> status.disk().bytes());
    counter("vidrio.steps", "Steps of the engine", EngineStatus::steps);
  }

  /** Returns the larger fraction in use of blocks and of slots for recurrent states. */
  private static double usage(EngineStatus status) {
    return Math.max(
        share(status.usedBlocks(), status.blocks()), share(status.usedSlots(), status.slots()));
  }

  private static double share(int used, int all) {
    return all == 0 ? 0 : (double) used / all;
  }

  private void gauge(String name, String description, ToDoubleFunction<EngineStatus> value) {
    Gauge.builder(name, this, metrics -> metrics.read(value))
        .description(description)
        .tag(AnswerMetrics.MODEL, model)
        .strongReference(true)
        .register(registry);
  }

  private void counter(String name, String description, ToDoubleFunction<EngineStatus> value) {
    FunctionCounter.builder(name, this, metrics -> metrics.read(value))
        .description(description)
        .tag(AnswerMetrics.MODEL, model)
        .register(registry);
  }

  private double read(ToDoubleFunction<EngineStatus> value) {
    Engine watched = engine.get();
    return watched == null ? 0 : value.applyAsDouble(watched.status());
  }

  /** Reads gauges and counters from an engine from now on, or from none if null. */
  public void watch(@Nullable Engine watched) {
    engine.set(watched);
  }

  /** Reads from no engine from now on, unless another one is watched by now. */
  public void unwatch(Engine watched) {
    var _ = engine.compareAndSet(watched, null);
  }

  @Override
  public EngineListener forRequest(GenerationRequest request) {
    return answers.forRequest(request);
  }

  @Override
  public void onFailed(Throwable reason) {
    answers.onFailed(reason);
  }
}
