package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lincheck interleaves callers with two threads that close: a task is rejected, or runs before the
 * last one, which runs once.
 */
@Tag("long")
class WorkThreadTest {
  private static final int INTERLEAVINGS = 100;

  @Test
  void tasksRunBeforeTheLastOne() {
    Lincheck.runConcurrentTest(INTERLEAVINGS, WorkThreadTest::callAndClose);
  }

  private static void callAndClose() {
    var thread = new WorkThread("work", "model");
    var closings = new AtomicInteger();
    var caller = new FutureTask<>(() -> call(thread, closings));
    var closer = new FutureTask<>(() -> close(thread, closings));
    new Thread(caller).start();
    new Thread(closer).start();
    close(thread, closings);
    assertEquals(0, WorkThread.await(caller, "the caller"));
    WorkThread.await(closer, "the closer");
    assertEquals(1, closings.get());
  }

  /** Returns the number of closings before a task; 0 if the task was rejected. */
  private static int call(WorkThread thread, AtomicInteger closings) {
    var task = new FutureTask<>(closings::get);
    try {
      thread.execute(task);
    } catch (EngineException.Closed e) {
      return 0;
    }
    return WorkThread.await(task, "the task");
  }

  private static boolean close(WorkThread thread, AtomicInteger closings) {
    thread.close(closings::incrementAndGet);
    return true;
  }
}
