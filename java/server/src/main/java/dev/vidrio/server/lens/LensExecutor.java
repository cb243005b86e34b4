package dev.vidrio.server.lens;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.model.WorkQueue;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Looks into models on one platform thread, in the order of the requests. What takes longer than a
 * request may is called off before its next pass through the model.
 */
public final class LensExecutor implements AutoCloseable {
  /** Requests that may wait; each may take seconds. */
  private static final int WAITING = 16;

  private final ModelRegistry models;
  private final Duration time;
  private final WorkQueue queue = new WorkQueue("vidrio-lens", WAITING);

  /**
   * Work with these models, of which there is none yet.
   *
   * @param time that a request waits for its work
   */
  public LensExecutor(ModelRegistry models, Duration time) {
    this.models = models;
    this.time = time;
  }

  /**
   * Does work with a model, which is loaded where need be.
   *
   * @param asked checks on the request's thread what it can, and gives the work
   * @param waiting is given what calls the work off, when it has to wait
   * @throws ApiException 400 for the name of an adapter, 429 when too many wait, 503 when it takes
   *     too long, as {@link ModelRegistry#use} does, and what the work throws
   */
  <T> T run(String model, Function<ServedModel, Supplier<T>> asked, Consumer<Runnable> waiting) {
    models.requireNoAdapter(model, "the lens looks into");
    try (ModelRegistry.Use use = models.use(model)) {
      Supplier<T> work = asked.apply(use.model());
      // Work whose request has given up keeps the model by a use of its own.
      FutureTask<T> task =
          queue.submit(
              () -> {
                try (ModelRegistry.Use _ = models.use(model)) {
                  return work.get();
                }
              });
      waiting.accept(() -> task.cancel(true));
      return WorkQueue.join(task, time);
    }
  }

  @Override
  public void close() {
    queue.close();
  }
}
