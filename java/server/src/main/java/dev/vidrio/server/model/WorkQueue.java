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

/**
 * Runs work that calls native code on one platform thread: a virtual thread would keep its carrier
 * from all others meanwhile.
 */
public final class WorkQueue implements AutoCloseable {
  private static final Duration SOON = Duration.ofSeconds(1);

  private final ThreadPoolExecutor thread;

  /**
   * A queue in which nothing waits.
   *
   * @param name of the thread
   * @param capacity work that may wait
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

  /** Puts work into the queue. */
  public <T> FutureTask<T> submit(Callable<T> work) {
    // Who was called off makes room at once for who still waits.
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
      throw ApiException.tooMany("as many requests wait as there is room for", SOON);
    }
    return task;
  }

  /** Waits for work so long; then it is called off, by an interrupt where it has begun. */
  public static <T> T join(FutureTask<T> task, Duration time) {
    try {
      return task.get(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      task.cancel(true);
      throw ApiException.unavailable(
          "the work has not ended in " + time.toMillis() / 1e3 + " s, which is the limit", SOON);
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

  /** Calls off what runs, which is interrupted, and drops the rest. */
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
