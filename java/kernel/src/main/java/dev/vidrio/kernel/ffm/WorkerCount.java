package dev.vidrio.kernel.ffm;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Numbers of native workers, with the reason in plain words.
 *
 * @param count workers, 1 to {@value #MAX}
 * @param decodeCount workers of steps of at most 16 tokens, 1 to {@code count}: fewer if cores have
 *     different speeds, since such steps divide weights equally
 * @param reason the reason for the numbers, such as "one per physical core"
 */
public record WorkerCount(int count, int decodeCount, String reason) {
  /** The environment variable that replaces the default number. */
  public static final String VARIABLE = "VIDRIO_THREADS";

  /** The maximum number of workers of an executor. */
  public static final int MAX = 1024;

  /**
   * Chooses the default numbers: one worker per physical core, at most the quota and the number of
   * processors of the JVM ({@code -XX:ActiveProcessorCount}); or the value of {@code
   * VIDRIO_THREADS}.
   *
   * @throws IllegalArgumentException if the variable is not a number from 1 to 1024
   * @throws NativeException if libvidrio cannot be loaded
   */
  public static WorkerCount choose() {
    return choose(
        Topology.read(), Runtime.getRuntime().availableProcessors(), System.getenv(VARIABLE));
  }

  /** Chooses for a topology, a number of processors of the JVM, and a value of the variable. */
  static WorkerCount choose(Topology topology, int jvmProcessors, @Nullable String variable) {
    if (variable != null && !variable.isEmpty()) {
      return of(parse(variable), topology, new StringBuilder(VARIABLE));
    }
    StringBuilder reason = new StringBuilder(cores(topology));
    int count = Math.min(topology.workers(), MAX);
    int usable = usesAll(topology) ? topology.allowedCores() : topology.fastCores();
    if (topology.workers() < usable) {
      reason.append(
          String.format(
              Locale.ROOT,
              "; quota %.1f CPUs limits %d to %d",
              topology.quota(),
              usable,
              topology.workers()));
    }
    if (jvmProcessors < count) {
      reason.append("; the JVM's processors limit ").append(count).append(" to ");
      reason.append(jvmProcessors);
      count = jvmProcessors;
    }
    return of(count, topology, reason);
  }

  /** Returns the default number of workers of short steps among a number of workers. */
  static int decodeCount(int count, Topology topology) {
    return topology.fastCores() < topology.allowedCores()
        ? Math.min(count, topology.fastCores())
        : count;
  }

  private static WorkerCount of(int count, Topology topology, StringBuilder reason) {
    int decodeCount = decodeCount(count, topology);
    if (decodeCount < count) {
      reason.append("; ").append(decodeCount).append(" of the fast kind generate");
    }
    return new WorkerCount(count, decodeCount, reason.toString());
  }

  /** Returns whether workers use slow cores too. */
  private static boolean usesAll(Topology topology) {
    return topology.workers() > topology.fastCores();
  }

  private static int parse(String variable) {
    try {
      int count = Integer.parseInt(variable);
      if (count >= 1 && count <= MAX) {
        return count;
      }
    } catch (NumberFormatException e) {
      // reported below
    }
    throw new IllegalArgumentException(
        VARIABLE + "=" + variable + ": must be between 1 and " + MAX);
  }

  private static String cores(Topology t) {
    String reason = "one per physical core";
    if (t.fastCores() < t.allowedCores() && !usesAll(t)) {
      reason += " of the fast kind (" + t.fastCores() + " of " + t.allowedCores() + ")";
    }
    if (t.allowedCores() < t.cores()) {
      reason += " within affinity and cpuset (" + t.allowedCores() + " of " + t.cores() + " cores)";
    }
    return reason;
  }

  /** Returns the number and the reason, such as "8 workers: one per physical core". */
  @Override
  public String toString() {
    return count + (count == 1 ? " worker: " : " workers: ") + reason;
  }
}
