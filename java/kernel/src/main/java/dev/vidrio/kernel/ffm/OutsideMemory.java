package dev.vidrio.kernel.ffm;

import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory that a plan holds addresses of but does not own: weights, the cache, the targets of taps.
 * Others may close it, so a plan checks it before each step.
 */
final class OutsideMemory {
  /** Descriptions by scope; most weights of a plan share a scope. */
  private final Map<MemorySegment.Scope, String> scopes = new HashMap<>();

  /** Records memory and returns it. */
  MemorySegment note(String what, MemorySegment memory) {
    scopes.putIfAbsent(memory.scope(), what);
    return memory;
  }

  /**
   * Checks that all recorded memory is alive.
   *
   * @throws IllegalStateException if memory is closed
   */
  void requireAlive() {
    scopes.forEach(OutsideMemory::requireAlive);
  }

  /** Checks that one scope is alive. */
  static void requireAlive(MemorySegment.Scope scope, String what) {
    if (!scope.isAlive()) {
      throw new IllegalStateException("the " + what + " is closed");
    }
  }
}
