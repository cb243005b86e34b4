package dev.vidrio.engine;

import java.util.Collection;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The queue from submitting threads to the scheduling thread. Thread-safe unless stated otherwise.
 *
 * @param <T> the type of the requests
 */
final class Inbox<T> {
  private final Queue<T> requests = new ConcurrentLinkedQueue<>();
  private volatile @Nullable Thread reader;
  private volatile boolean closed;

  /** Adds a request; returns false if this is closed. */
  synchronized boolean add(T request) {
    if (closed) {
      return false;
    }
    requests.add(request);
    wake();
    return true;
  }

  /** Wakes the reader, for a new or canceled request. */
  void wake() {
    LockSupport.unpark(reader);
  }

  /** Rejects further requests; the reader receives the existing ones. */
  synchronized void close() {
    closed = true;
    wake();
  }

  /** Returns whether further requests are rejected. */
  boolean isClosed() {
    return closed;
  }

  /** Makes the calling thread the reader. */
  void openForThisThread() {
    reader = Thread.currentThread();
  }

  /** Moves all requests to a collection; for the reader. */
  void moveTo(Collection<? super T> waiting) {
    for (T request = requests.poll(); request != null; request = requests.poll()) {
      waiting.add(request);
    }
  }

  /** Blocks until {@link #wake}, unless there are requests or this is closed; for the reader. */
  void await() {
    if (requests.isEmpty() && !closed) {
      LockSupport.park(this);
    }
  }
}
