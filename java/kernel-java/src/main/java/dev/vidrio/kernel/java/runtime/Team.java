package dev.vidrio.kernel.java.runtime;

import java.util.concurrent.Phaser;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Workers that run a list of operations together: the calling thread and daemon threads, which
 * sleep between runs. They synchronize by a {@link Phaser}, which spins briefly before it blocks
 * and does not break when a thread is interrupted.
 */
public final class Team implements AutoCloseable {
  /** A list of operations. */
  @FunctionalInterface
  public interface Walk {
    /** Returns whether workers wait, before operation i, for all to finish earlier operations. */
    default boolean barrierBefore(int i) {
      return false;
    }

    /** Runs a worker's share of operation i. */
    void run(int i, int worker);
  }

  private record Job(Walk walk, int begin, int end) {}

  private final Thread[] threads;
  private final Phaser meeting;
  private final ReentrantLock turn = new ReentrantLock();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  // Written before a phase and read after it, which orders the accesses.
  private @Nullable Job job;
  private boolean closed;

  /**
   * Creates a team of the calling thread and {@code workers - 1} daemon threads.
   *
   * @throws OutOfMemoryError if the system refuses a thread
   */
  public Team(int workers) {
    this(workers, Thread.ofPlatform().daemon().name("vidrio-java-worker-", 1).factory());
  }

  Team(int workers, ThreadFactory factory) {
    meeting = new Phaser(workers);
    threads = new Thread[workers - 1];
    int started = 0;
    try {
      for (; started < threads.length; started++) {
        int worker = started + 1;
        threads[started] = factory.newThread(() -> serve(worker));
        threads[started].start();
      }
    } finally {
      if (started < threads.length) {
        // Lets the threads that have started find no job, and end.
        for (int i = started; i < workers; i++) {
          meeting.arriveAndDeregister();
        }
      }
    }
  }

  /** Returns the number of workers. */
  int workers() {
    return threads.length + 1;
  }

  /**
   * Runs operations [begin, end) on all workers. If one fails, the remaining operations are skipped
   * and the first failure is thrown.
   *
   * @throws IllegalStateException after {@link #close}
   */
  public void walk(Walk walk, int begin, int end) {
    turn.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the executor is closed");
      }
      failure.set(null);
      job = new Job(walk, begin, end);
      meeting.arriveAndAwaitAdvance();
      work(job, 0);
      meeting.arriveAndAwaitAdvance();
      rethrow(failure.get());
    } finally {
      turn.unlock();
    }
  }

  private void serve(int worker) {
    meeting.arriveAndAwaitAdvance();
    for (Job current = job; current != null; current = job) {
      work(current, worker);
      meeting.arriveAndAwaitAdvance();
      meeting.arriveAndAwaitAdvance();
    }
  }

  private void work(Job current, int worker) {
    for (int i = current.begin; i < current.end; i++) {
      if (i > current.begin && current.walk.barrierBefore(i)) {
        meeting.arriveAndAwaitAdvance();
      }
      if (failure.get() == null) {
        try {
          current.walk.run(i, worker);
        } catch (Throwable e) {
          failure.compareAndSet(null, e);
        }
      }
    }
  }

  private static void rethrow(@Nullable Throwable e) {
    switch (e) {
      case null -> {}
      case RuntimeException unchecked -> throw unchecked;
      case Error error -> throw error;
      default -> throw new IllegalStateException(e);
    }
  }

  /** Stops the threads after the current run. */
  @Override
  public void close() {
    turn.lock();
    try {
      if (!closed) {
        closed = true;
        job = null;
        meeting.arriveAndAwaitAdvance();
        joinAll();
      }
    } finally {
      turn.unlock();
    }
  }

  private void joinAll() {
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
