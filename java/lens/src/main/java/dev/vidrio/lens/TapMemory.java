package dev.vidrio.lens;

import dev.vidrio.kernel.Buffer;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.TapTarget;
import dev.vidrio.kernel.TapType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Memory for the activations that a plan's taps copy out: for each of some sequences, the positions
 * that are kept.
 */
final class TapMemory implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final Executor executor;
  private final Map<Buffer, Tapped> tapped = new LinkedHashMap<>();
  private final TapType type;
  private final int slots;

  /** An activation's memory: that of positions [from, to) of one sequence after the other. */
  private record Tapped(TapTarget target, int from, int to) {}

  /**
   * @param type of the elements that are kept
   * @param slots sequences that there is room for
   */
  TapMemory(Executor executor, TapType type, int slots) {
    this.executor = executor;
    this.type = type;
    this.slots = slots;
  }

  /** Makes room for an activation at positions [from, to). */
  void add(Buffer buffer, int from, int to) {
    Tapped before = tapped.get(buffer);
    if (before != null && before.from <= from) {
      return;
    }
    long rows = Math.multiplyExact((long) (to - from), (long) slots);
    var target = new TapTarget(type, buffer.width(), rows, slots, executor, arena);
    target.positions(from, to);
    tapped.put(buffer, new Tapped(target, from, to));
  }

  /** Whether an activation is copied out. */
  boolean has(Buffer buffer) {
    return tapped.containsKey(buffer);
  }

  /** Where an activation is copied to. */
  TapTarget target(Buffer buffer) {
    return find(buffer).target;
  }

  /** Says which slot sequence i of a step has; all others of it have none. */
  void assign(int indexInBatch, int slot) {
    for (Tapped tap : tapped.values()) {
      tap.target.sequence(indexInBatch, (long) slot * (tap.to - tap.from));
    }
  }

  /** The rows of a sequence's positions [from, to), of the type that is kept. */
  MemorySegment rows(Buffer buffer, int slot, int from, int to) {
    Tapped tap = find(buffer);
    long bytes = buffer.width() * (long) type.bytes();
    long first = (long) slot * (tap.to - tap.from) + from - tap.from;
    return tap.target.data().asSlice(first * bytes, (to - from) * bytes, type.bytes());
  }

  /** The type of the elements that are kept. */
  TapType type() {
    return type;
  }

  private Tapped find(Buffer buffer) {
    Tapped tap = tapped.get(buffer);
    if (tap == null) {
      throw new IllegalStateException(buffer.name() + " is not tapped");
    }
    return tap;
  }

  /** Memory that lives as long as this. */
  MemorySegment allocate(long bytes) {
    return executor.allocate(bytes, arena);
  }

  Executor executor() {
    return executor;
  }

  boolean isOpen() {
    return arena.scope().isAlive();
  }

  /** Frees all of it. */
  @Override
  public void close() {
    if (isOpen()) {
      arena.close();
    }
  }
}
