package dev.vidrio.server.model;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.ExceptionMapper;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Runs work with long native calls on one platform thread, since a virtual thread would block its
 * carrier thread.
 */
public final class WorkQueue implements AutoCloseable {
  private static final Duration RETRY = Duration.ofSeconds(1);

  private final ThreadPoolExecutor thread;

  /**
   * Creates an empty queue and its thread.
   *
   * @param name the name of the thread
   * @param capacity maximum number of waiting tasks
   */
  public WorkQueue(String name, int capacity) {
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(Math.max(1, capacity)),
            Thread.ofPlatform().daemon().name(name).factory());
  }

  /**
   * Ends a running task if its request was canceled; a task calls this between its steps.
   *
   * @throws CancellationException if the task was canceled
   */
  public static void stopIfCanceled() {
    if (Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the request was canceled");
    }
  }

  /**
   * Submits a task.
   *
   * @throws ApiException 429 if the queue is full, 503 if it is closed
   */
  public <T> FutureTask<T> submit(Callable<T> work) {
    // A canceled task leaves the queue at once.
    var task =
        new FutureTask<>(work) {
          @Override
          protected void done() {
            if (isCancelled()) {
              var _ = thread.remove(this);
            }
          }
        };
    try {
      thread.execute(task);
    } catch (RejectedExecutionException e) {
      if (thread.isShutdown()) {
        throw ExceptionMapper.shuttingDown();
      }
      throw ApiException.tooMany("too many requests are waiting", RETRY);
    }
    return task;
  }

  /**
   * Runs work with a model and waits for its result.
   *
   * @param time the time limit
   * @param preparation validates the request on the calling thread and returns the work
   * @param onWait receives an action that cancels the work, before the calling thread waits
   * @throws ApiException as {@link #submit} and {@link #join} throw it; also those of {@link
   *     ModelRegistry#acquire} and of the work
   */
  public <T> T run(
      ModelRegistry models,
      String model,
      Duration time,
      Function<ModelRegistry.Lease, Supplier<T>> preparation,
      Consumer<Runnable> onWait) {
    try (ModelRegistry.Lease lease = models.acquire(model)) {
      Supplier<T> work = preparation.apply(lease);
      // The work needs its own lease, since the request may give up before it ends.
      FutureTask<T> task =
          submit(
              () -> {
                try (ModelRegistry.Lease _ = models.acquire(model)) {
                  return work.get();
                }
              });
      onWait.accept(() -> task.cancel(true));
      return join(task, time);
    }
  }

  /**
   * Waits for a task, and cancels it after a time limit, with an interrupt if it is running.
   *
   * @throws ApiException 503 if the time is over or the queue is closed
   */
  public static <T> T join(FutureTask<T> task, Duration time) {
    try {
      return task.get(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      task.cancel(true);
      throw ApiException.unavailable(
          "timeout: not finished after " + time.toMillis() / 1e3 + " s", RETRY);
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case CancellationException _ -> throw ExceptionMapper.shuttingDown();
        case RuntimeException cause -> throw cause;
        case null, default -> throw new IllegalStateException(e.getCause());
      }
    } catch (CancellationException e) {
      throw ExceptionMapper.shuttingDown();
    } catch (InterruptedException e) {
      task.cancel(true);
      Thread.currentThread().interrupt();
      throw ExceptionMapper.shuttingDown();
    }
  }

  /** Interrupts the running task and cancels the waiting ones. */
  @Override
  public void close() {
    for (Runnable waiting : thread.shutdownNow()) {
      if (waiting instanceof FutureTask<?> task) {
        task.cancel(false);
      }
    }
    try {
      var _ = thread.awaitTermination(1, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
