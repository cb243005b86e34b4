package dev.vidrio.server.lens;

import dev.vidrio.server.command.LensCommands;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.model.WorkQueue;
import java.time.Duration;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Runs lens requests on one platform thread, in order. A request that exceeds its time limit is
 * canceled before its next forward pass.
 *
 * @param models the models
 * @param time the time limit of a request
 * @param queue the waiting requests
 */
public record LensExecutor(ModelRegistry models, Duration time, WorkQueue queue)
    implements AutoCloseable {
  /** Maximum waiting requests; each may take seconds. */
  private static final int MAX_WAITING = 16;

  /** Creates an executor with an empty queue. */
  public LensExecutor(ModelRegistry models, Duration time) {
    this(models, time, new WorkQueue("vidrio-lens", MAX_WAITING));
  }

  /**
   * Runs work with a model and waits for its result.
   *
   * @param preparation validates the request on the calling thread and returns the work
   * @param onWait receives an action that cancels the work, before the calling thread waits
   * @throws ApiException 400 for the name of an adapter, 429 if too many requests wait, 503 if the
   *     work takes too long; also those of {@link ModelRegistry#acquire} and of the work
   */
  <T> T run(
      String model, Function<ServedModel, Supplier<T>> preparation, Consumer<Runnable> onWait) {
    models.rejectAdapter(model, "the lens");
    return queue.run(models, model, time, lease -> preparation.apply(lease.model()), onWait);
  }

  /**
   * Runs work with two models and waits for its result. Either may be an adapter.
   *
   * @param preparation validates the request on the calling thread and returns the work
   * @param onWait receives an action that cancels the work, before the calling thread waits
   * @throws ApiException as {@link #run} throws it, except that adapters are allowed
   */
  <T> T runBoth(
      String model,
      String other,
      BiFunction<ModelRegistry.Lease, ModelRegistry.Lease, Supplier<T>> preparation,
      Consumer<Runnable> onWait) {
    try (ModelRegistry.Lease second = models.acquire(other)) {
      second.model().requireDecoder();
      return queue.run(
          models,
          model,
          time,
          first -> {
            first.model().requireDecoder();
            Supplier<T> work = preparation.apply(first, second);
            return () -> {
              try (ModelRegistry.Lease _ = models.acquire(other)) {
                return work.get();
              }
            };
          },
          onWait);
    }
  }

  /** Acquires another model for work that is running, and loads it if necessary. */
  LensCommands.OpenModel open(String model) {
    models.rejectAdapter(model, "the lens");
    ModelRegistry.Lease lease = models.acquire(model);
    return new LensCommands.OpenModel(lease.model().model(), lease::close);
  }

  @Override
  public void close() {
    queue.close();
  }
}
