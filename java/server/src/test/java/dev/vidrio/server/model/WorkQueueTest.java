package dev.vidrio.server.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.server.http.ApiException;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Tasks run in order and within their time limits. */
class WorkQueueTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  @Test
  void cancelsLateTasksAndRejectsExcessTasks() throws InterruptedException {
    var began = new CountDownLatch(1);
    var end = new CountDownLatch(1);
    var second = new AtomicBoolean();
    try (var queue = new WorkQueue("test", 2)) {
      FutureTask<Boolean> first =
          queue.submit(
              () -> {
                began.countDown();
                end.await();
                return !Thread.currentThread().isVirtual();
              });
      began.await();
      FutureTask<Boolean> waiting = queue.submit(() -> second.getAndSet(true));
      FutureTask<Boolean> last = queue.submit(() -> true);
      var full = assertThrows(ApiException.class, () -> queue.submit(() -> true));
      assertEquals(429, full.status());
      var late =
          assertThrows(ApiException.class, () -> WorkQueue.join(waiting, Duration.ofMillis(1)));
      assertEquals(503, late.status());
      assertEquals("timeout: not finished after 0.001 s", late.getMessage());
      end.countDown();
      assertTrue(WorkQueue.join(first, LONG));
      assertTrue(WorkQueue.join(last, LONG));
      assertFalse(second.get());
    }
  }

  @Test
  void canceledTaskFreesItsSlot() throws InterruptedException {
    var began = new CountDownLatch(1);
    var end = new CountDownLatch(1);
    try (var queue = new WorkQueue("test", 1)) {
      FutureTask<Boolean> first =
          queue.submit(
              () -> {
                began.countDown();
                end.await();
                return true;
              });
      began.await();
      assertTrue(queue.submit(() -> false).cancel(true));
      FutureTask<Boolean> second = queue.submit(() -> true);
      end.countDown();
      assertTrue(WorkQueue.join(first, LONG));
      assertTrue(WorkQueue.join(second, LONG));
    }
  }

  @Test
  void interruptsTaskAfterTimeLimit() {
    try (var queue = new WorkQueue("test", 2)) {
      FutureTask<Boolean> endless = queue.submit(WorkQueueTest::untilInterrupted);
      assertThrows(ApiException.class, () -> WorkQueue.join(endless, Duration.ofMillis(1)));
      assertTrue(WorkQueue.join(queue.submit(() -> !Thread.currentThread().isInterrupted()), LONG));
    }
  }

  @Test
  void closeInterruptsRunningTask() throws InterruptedException {
    var began = new CountDownLatch(1);
    var queue = new WorkQueue("test", 2);
    FutureTask<Boolean> lens =
        queue.submit(
            () -> {
              began.countDown();
              return untilInterrupted();
            });
    began.await();
    queue.close();
    var end = assertThrows(ApiException.class, () -> WorkQueue.join(lens, LONG));
    assertEquals("the server is shutting down", end.getMessage());
    var late = assertThrows(ApiException.class, () -> queue.submit(() -> true));
    assertEquals("the server is shutting down", late.getMessage());
  }

  /** Checks for cancellation as the lens does before each forward pass. */
  private static boolean untilInterrupted() {
    while (!Thread.currentThread().isInterrupted()) {
      Thread.onSpinWait();
    }
    throw new CancellationException("interrupted");
  }
}
