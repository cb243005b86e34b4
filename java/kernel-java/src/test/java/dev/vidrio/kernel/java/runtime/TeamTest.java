package dev.vidrio.kernel.java.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The timeout fails the test if the team hangs; passing tests take a fraction of it. */
@Timeout(60)
class TeamTest {
  private interface Body {
    void run(int i, int worker);
  }

  private static Team.Walk walk(IntPredicate barrier, Body body) {
    return new Team.Walk() {
      @Override
      public boolean barrierBefore(int i) {
        return barrier.test(i);
      }

      @Override
      public void run(int i, int worker) {
        body.run(i, worker);
      }
    };
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 3})
  void refusedThread_isThrown_andOthersEnd(int refused) throws InterruptedException {
    List<Thread> started = new ArrayList<>();
    ThreadFactory factory =
        task -> {
          if (started.size() == refused) {
            throw new OutOfMemoryError("unable to create native thread");
          }
          Thread thread = Thread.ofPlatform().daemon().unstarted(task);
          started.add(thread);
          return thread;
        };
    assertThrows(OutOfMemoryError.class, () -> new Team(5, factory).close());
    assertEquals(refused, started.size());
    for (Thread thread : started) {
      thread.join();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 9})
  void runsOperationsOnAllWorkersWithBarriers(int workers) {
    int ops = 20;
    try (Team team = new Team(workers)) {
      assertEquals(workers, team.workers());
      for (int round = 0; round < 200; round++) {
        AtomicIntegerArray done = new AtomicIntegerArray(ops);
        ConcurrentLinkedQueue<String> tooEarly = new ConcurrentLinkedQueue<>();
        team.walk(
            walk(
                i -> i % 3 == 0,
                (i, worker) -> {
                  for (int before = 0; before < i / 3 * 3; before++) {
                    if (done.get(before) != workers) {
                      tooEarly.add(worker + " at " + i);
                    }
                  }
                  done.incrementAndGet(i);
                }),
            0,
            ops);
        assertTrue(tooEarly.isEmpty(), tooEarly.toString());
        for (int i = 0; i < ops; i++) {
          assertEquals(workers, done.get(i));
        }
      }
    }
  }

  @Test
  void runsOnlyTheGivenRange() {
    try (Team team = new Team(2)) {
      Set<Integer> ran = ConcurrentHashMap.newKeySet();
      team.walk(walk(i -> true, (i, worker) -> ran.add(i)), 3, 6);
      assertEquals(Set.of(3, 4, 5), ran);
      team.walk(walk(i -> true, (i, worker) -> ran.add(i)), 7, 7);
      assertEquals(3, ran.size());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void failure_reachesCallerAndSkipsTheRest(int failing) {
    try (Team team = new Team(3)) {
      for (Throwable failure : new Throwable[] {new ArithmeticException(), new AssertionError()}) {
        AtomicIntegerArray ran = new AtomicIntegerArray(8);
        Throwable thrown =
            assertThrows(
                Throwable.class,
                () ->
                    team.walk(
                        walk(
                            i -> true,
                            (i, worker) -> {
                              ran.incrementAndGet(i);
                              if (i == 2 && worker == failing) {
                                TeamTest.<RuntimeException>raise(failure);
                              }
                            }),
                        0,
                        8));
        assertSame(failure, thrown);
        assertEquals(3, ran.get(1));
        assertEquals(0, ran.get(3));
      }
      AtomicIntegerArray ran = new AtomicIntegerArray(1);
      team.walk(walk(i -> true, (i, worker) -> ran.incrementAndGet(i)), 0, 1);
      assertEquals(3, ran.get(0));
    }
  }

  @SuppressWarnings("unchecked")
  private static <T extends Throwable> void raise(Throwable t) throws T {
    throw (T) t;
  }

  @Test
  void interruptOfCaller_isPreserved() {
    try (Team team = new Team(3)) {
      AtomicIntegerArray ran = new AtomicIntegerArray(40);
      Thread.currentThread().interrupt();
      team.walk(walk(i -> true, (i, worker) -> ran.incrementAndGet(i)), 0, 40);
      assertTrue(Thread.interrupted());
      for (int i = 0; i < 40; i++) {
        assertEquals(3, ran.get(i));
      }
      Thread.currentThread().interrupt();
    }
    assertTrue(Thread.interrupted());
  }

  @Test
  void serializesCallers() throws InterruptedException {
    try (Team team = new Team(2)) {
      AtomicIntegerArray ran = new AtomicIntegerArray(4);
      Thread[] callers = new Thread[4];
      for (int c = 0; c < callers.length; c++) {
        int caller = c;
        callers[c] =
            Thread.ofVirtual()
                .start(
                    () -> {
                      for (int n = 0; n < 50; n++) {
                        team.walk(
                            walk(i -> true, (i, worker) -> ran.incrementAndGet(caller)), 0, 3);
                      }
                    });
      }
      for (int c = 0; c < callers.length; c++) {
        callers[c].join();
        assertEquals(2 * 3 * 50, ran.get(c));
      }
    }
  }

  @Test
  void close_stopsThreads() {
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    Team team = new Team(4);
    Team.Walk walk = walk(i -> true, (i, worker) -> threads.add(Thread.currentThread()));
    team.walk(walk, 0, 1);
    assertEquals(4, threads.size());
    team.close();
    team.close();
    threads.remove(Thread.currentThread());
    for (Thread thread : threads) {
      assertFalse(thread.isAlive());
      assertTrue(thread.isDaemon());
    }
    assertThrows(IllegalStateException.class, () -> team.walk(walk, 0, 1));
  }

  @Test
  void sharesPartitionAllItems() {
    for (int workers = 1; workers <= 5; workers++) {
      for (int n = 0; n < 70; n++) {
        int next = 0;
        long nextElement = 0;
        for (int worker = 0; worker < workers; worker++) {
          Share share = new Share(worker, workers);
          assertEquals(next, share.begin(n));
          next = share.end(n);
          assertEquals(nextElement, Math.min(n, share.begin(n, 16)));
          nextElement = share.end(n, 16);
          assertTrue(nextElement == n || nextElement % 16 == 0);
        }
        assertEquals(n, next);
        assertEquals(n, nextElement);
      }
    }
  }
}
