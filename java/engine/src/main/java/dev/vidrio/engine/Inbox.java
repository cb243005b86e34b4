package dev.vidrio.engine;

import dev.vidrio.engine.text.Active;
import java.util.Collection;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Where any thread hands requests over to the one that schedules, and wakes it. */
final class Inbox {
  private final Queue<Active> requests = new ConcurrentLinkedQueue<>();
  private volatile @Nullable Thread reader;
  private volatile boolean closed;

  /** Hands a request over; false where this is closed. */
  synchronized boolean add(Active active) {
    if (closed) {
      return false;
    }
    requests.add(active);
    wake();
    return true;
  }

  /** Has the reader look at what changed outside: a request that is canceled. */
  void wake() {
    LockSupport.unpark(reader);
  }

  /** Takes nothing more; the reader gets what is there. */
  synchronized void close() {
    closed = true;
    wake();
  }

  /** Whether it takes nothing more. */
  boolean isClosed() {
    return closed;
  }

  /** The thread that takes them out is this one. */
  void openForThisThread() {
    reader = Thread.currentThread();
  }

  /** Takes all out; for the reader. */
  void moveTo(Collection<Active> waiting) {
    for (Active active = requests.poll(); active != null; active = requests.poll()) {
      waiting.add(active);
    }
  }

  /** Sleeps until it is woken, unless something has come or this is closed; for the reader. */
  void await() {
    if (requests.isEmpty() && !closed) {
      LockSupport.park(this);
    }
  }
}
