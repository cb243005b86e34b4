package dev.vidrio.engine;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * A platform thread that runs native work for others, one task after the other: a virtual thread in
 * native code would pin its carrier. Thread-safe.
 */
final class WorkThread {
  private final String model;
  private final ExecutorService thread;
  private boolean closed;

  /**
   * Starts the thread.
   *
   * @param name the name of the thread
   * @param model the name of the model, for errors
   */
  WorkThread(String name, String model) {
    this.model = model;
    this.thread =
        Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name(name).factory());
  }

  /**
   * Adds a task.
   *
   * @throws EngineException.Closed if the thread has ended
   */
  synchronized void execute(Runnable task) {
    if (closed) {
      throw new EngineException.Closed(model);
    }
    thread.execute(task);
  }

  /**
   * Returns the result of a task, or throws its exception.
   *
   * @param what the result in words, for errors
   * @throws CancellationException if the calling thread is interrupted, which cancels the task
   */
  static <T> T await(Future<T> result, String what) {
    try {
      return result.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      result.cancel(false);
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while waiting for " + what);
    }
  }

  /**
   * Ends the thread after the tasks that are waiting and a last one. Further calls wait for its
   * end.
   */
  void close(Runnable last) {
    synchronized (this) {
      if (!closed) {
        closed = true;
        thread.execute(last);
        thread.shutdown();
      }
    }
    try {
      var _ = thread.awaitTermination(1, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
