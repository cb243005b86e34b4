package dev.vidrio.kernel.ffm;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory that a plan holds addresses of and that is not its own: weights, the cache, what taps
 * write to. It lives as long as arenas of others, so it is checked before each step.
 */
final class OutsideMemory {
  /** What lies there, by its life: most of a plan's weights share one. */
  private final Map<MemorySegment.Scope, String> lives = new HashMap<>();

  /** Notes a piece and returns it. */
  MemorySegment note(String what, MemorySegment memory) {
    lives.putIfAbsent(memory.scope(), what);
    return memory;
  }

  /**
   * Checks that all of it is still there.
   *
   * @throws IllegalStateException when it is not
   */
  void requireAlive() {
    lives.forEach(OutsideMemory::requireAlive);
  }

  /** The same of one piece. */
  static void requireAlive(MemorySegment.Scope life, String what) {
    if (!life.isAlive()) {
      throw new IllegalStateException("the " + what + " is closed");
    }
  }
}
