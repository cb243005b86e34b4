package dev.vidrio.fuzz;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Measures runs of a harness on a thread of its own, and samples where their time goes. */
final class Measurement {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final int SAMPLE_MILLIS = 2;

  /** The time after which a run is a finding, and the process ends, since it may be endless. */
  private static final long MAX_NANOS = 20_000_000_000L;

  /**
   * The cost of a run.
   *
   * @param nanos processor time of the thread
   * @param bytes the bytes that it allocated
   */
  record Cost(long nanos, long bytes) {
    Cost min(Cost other) {
      return new Cost(Math.min(nanos, other.nanos), Math.min(bytes, other.bytes));
    }
  }

  /** Thrown if a run does not end. */
  static final class Endless extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Endless(String message) {
      super(message);
    }
  }

  private final Harness.Body body;

  Measurement(Harness.Body body) {
    this.body = body;
  }

  /**
   * Runs an input.
   *
   * @throws AssertionError if the harness reports a finding
   * @throws Endless if the run takes more than 20 s
   */
  Cost run(byte[] input) {
    return run(input, null);
  }

  /** Runs an input, and returns the stack in which its thread was found most often. */
  List<String> hottest(byte[] input) {
    Map<List<String>, Integer> samples = new ConcurrentHashMap<>();
    var _ = run(input, samples);
    return samples.entrySet().stream()
        .max(Map.Entry.comparingByValue(Comparator.naturalOrder()))
        .map(Map.Entry::getKey)
        .orElse(List.of());
  }

  private Cost run(byte[] input, @Nullable Map<List<String>, Integer> samples) {
    Cost[] cost = new Cost[1];
    Throwable[] thrown = new Throwable[1];
    Thread thread =
        new Thread(
            () -> {
              long nanos = THREADS.getCurrentThreadCpuTime();
              long bytes = THREADS.getCurrentThreadAllocatedBytes();
              try {
                body.run(input);
              } catch (RuntimeException | Error e) {
                thrown[0] = e;
              }
              cost[0] =
                  new Cost(
                      THREADS.getCurrentThreadCpuTime() - nanos,
                      THREADS.getCurrentThreadAllocatedBytes() - bytes);
            });
    thread.setDaemon(true);
    thread.start();
    long begin = System.nanoTime();
    try {
      while (!thread.join(Duration.ofMillis(samples == null ? 1000 : SAMPLE_MILLIS))) {
        if (samples != null) {
          List<String> frames = frames(thread.getStackTrace());
          if (!frames.isEmpty()) {
            samples.merge(frames, 1, Integer::sum);
          }
        }
        if (System.nanoTime() - begin > MAX_NANOS) {
          throw new Endless("more than 20 s in " + frames(thread.getStackTrace()));
        }
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    if (thrown[0] != null) {
      throw new AssertionError("fails at " + frames(thrown[0].getStackTrace()), thrown[0]);
    }
    return cost[0];
  }

  /**
   * Returns the methods of a stack, the last called first, without those of the JDK and Jackson.
   */
  private static List<String> frames(StackTraceElement[] stack) {
    List<String> frames = new ArrayList<>();
    Stream.of(stack)
        .filter(
            frame ->
                Stream.of("java.", "jdk.", "sun.", "tools.jackson.")
                    .noneMatch(frame.getClassName()::startsWith))
        .map(frame -> frame.getClassName() + "." + frame.getMethodName())
        .distinct()
        .limit(3)
        .forEach(frames::add);
    return frames;
  }
}
