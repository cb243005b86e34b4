package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lincheck interleaves two clients of an engine (one cancels), the thread that closes it and a
 * scheduler: each accepted request ends once, and the scheduler never sleeps for ever.
 */
@Tag("long")
class InboxTest {
  private static final int INTERLEAVINGS = 150;

  /** A request that ends when it is canceled or the engine is closed. */
  private static final class Request {
    private final AtomicInteger ends = new AtomicInteger();
    private final CountDownLatch ended = new CountDownLatch(1);
    private volatile boolean canceled;

    void end() {
      ends.incrementAndGet();
      ended.countDown();
    }

    void awaitEnd() {
      try {
        ended.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @Test
  void everyAcceptedRequestEnds() {
    Lincheck.runConcurrentTest(INTERLEAVINGS, () -> submitAndClose(false));
  }

  @Test
  void canceledRequestsEndWithoutClosing() {
    Lincheck.runConcurrentTest(INTERLEAVINGS, () -> submitAndClose(true));
  }

  private static void submitAndClose(boolean cancelFirst) {
    var inbox = new Inbox<Request>();
    var left = new Request();
    var canceled = new Request();
    var accepted = new AtomicInteger();
    Thread scheduler = start(() -> schedule(inbox));
    Thread submitter = start(() -> count(inbox.add(left), accepted));
    Thread canceler =
        start(
            () -> {
              count(inbox.add(canceled), accepted);
              canceled.canceled = true;
              inbox.wake();
            });
    if (cancelFirst) {
      join(canceler);
      canceled.awaitEnd();
    }
    inbox.close();
    List.of(submitter, canceler, scheduler).forEach(InboxTest::join);
    assertEquals(accepted.get(), left.ends.get() + canceled.ends.get());
  }

  private static void count(boolean added, AtomicInteger accepted) {
    if (added) {
      accepted.incrementAndGet();
    }
  }

  /** Does what the scheduler does with its inbox. */
  private static void schedule(Inbox<Request> inbox) {
    inbox.openForThisThread();
    List<Request> waiting = new ArrayList<>();
    while (!inbox.isClosed()) {
      inbox.moveTo(waiting);
      waiting.removeIf(
          request -> {
            if (request.canceled) {
              request.end();
            }
            return request.canceled;
          });
      inbox.await();
    }
    inbox.moveTo(waiting);
    waiting.forEach(Request::end);
  }

  private static Thread start(Runnable task) {
    var thread = new Thread(task);
    thread.start();
    return thread;
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
