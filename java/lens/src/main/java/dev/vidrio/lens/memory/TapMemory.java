package dev.vidrio.lens.memory;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The memory that a plan's taps copy activations to: the kept positions of several sequences, in
 * one block so that it can use huge pages.
 */
public final class TapMemory implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  /** Minimum bytes of a block for values that are computed later. */
  private static final long PIECE_BYTES = 8L << 20;

  private final Arena arena = Arena.ofShared();
  private final Executor executor;
  private final TapType type;
  private final int slots;
  private final int sequences;

  /** The slot of each sequence of a step, as the targets have it. */
  private final int[] assigned;

  private final Map<Buffer, Tapped> tapped = new LinkedHashMap<>();
  private final List<DerivedPlan> attached = new ArrayList<>();
  private MemorySegment room = MemorySegment.NULL;
  private long bytes;

  /** The memory of an activation: positions [from, to) of one sequence after the other. */
  private record Tapped(TapTarget target, int from, int to) {}

  /**
   * Allocates the memory.
   *
   * @param type of the kept elements
   * @param slots maximum number of sequences
   * @param sequences maximum number of sequences of a step
   * @param firsts the activations and their first kept positions
   * @param to the position after the last kept one
   */
  public TapMemory(
      Executor executor,
      TapType type,
      int slots,
      int sequences,
      Map<Buffer, Integer> firsts,
      int to) {
    this.executor = executor;
    this.type = type;
    this.slots = slots;
    this.sequences = sequences;
    this.assigned = new int[sequences];
    Arrays.fill(assigned, -1);
    try {
      long total = 0;
      for (var entry : firsts.entrySet()) {
        total = Math.addExact(total, aligned(entry.getKey(), to - entry.getValue()));
      }
      // Allocations of 0 bytes are not supported.
      bytes = Math.max(total, ALIGNMENT);
      MemorySegment memory = executor.allocateUncleared(bytes, arena);
      long offset = 0;
      for (var entry : firsts.entrySet()) {
        add(entry.getKey(), entry.getValue(), to, memory.asSlice(offset));
        offset += aligned(entry.getKey(), to - entry.getValue());
      }
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  private long aligned(Buffer buffer, int positions) {
    long bytes = TapTarget.bytes(type, buffer.width(), rows(positions));
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  private long rows(int positions) {
    return Math.multiplyExact((long) positions, (long) slots);
  }

  private void add(Buffer buffer, int from, int to, MemorySegment memory) {
    long rows = rows(to - from);
    MemorySegment data = memory.asSlice(0, TapTarget.bytes(type, buffer.width(), rows));
    var target = new TapTarget(type, buffer.width(), rows, sequences, data, arena);
    target.positions(from, to);
    tapped.put(buffer, new Tapped(target, from, to));
  }

  /** Returns whether an activation is copied. */
  public boolean has(Buffer buffer) {
    return tapped.containsKey(buffer);
  }

  /** Returns the target of an activation. */
  public TapTarget target(Buffer buffer) {
    return find(buffer).target;
  }

  /** Assigns a slot to a sequence of a step; −1 for none. */
  public void assign(int indexInBatch, int slot) {
    if (assigned[indexInBatch] == slot) {
      return;
    }
    assigned[indexInBatch] = slot;
    for (Tapped tap : tapped.values()) {
      tap.target.sequence(indexInBatch, slot < 0 ? -1 : (long) slot * (tap.to - tap.from));
    }
  }

  /** Copies the contents of a slot, up to a position, to its own memory. */
  public TapMemory copy(int slot, int to) {
    Map<Buffer, Integer> firsts = new LinkedHashMap<>();
    tapped.forEach((buffer, tap) -> firsts.put(buffer, tap.from));
    var copy = new TapMemory(executor, type, 1, 1, firsts, to);
    tapped.forEach(
        (buffer, tap) ->
            copy.rows(buffer, 0, tap.from, to).copyFrom(rows(buffer, slot, tap.from, to)));
    return copy;
  }

  /** Returns the rows of a sequence's positions [from, to), of the kept type. */
  MemorySegment rows(Buffer buffer, int slot, int from, int to) {
    Tapped tap = find(buffer);
    long bytes = buffer.width() * (long) type.bytes();
    long first = (long) slot * (tap.to - tap.from) + from - tap.from;
    return tap.target.data().asSlice(first * bytes, (to - from) * bytes, type.bytes());
  }

  /** Returns the type of the kept elements. */
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

  /** Allocates uncleared memory that lives as long as this. */
  MemorySegment allocate(long size) {
    bytes = Math.addExact(bytes, size);
    if (size > room.byteSize()) {
      room = executor.allocateUncleared(Math.max(size, PIECE_BYTES), arena);
    }
    MemorySegment memory = room.asSlice(0, size);
    room = room.asSlice(Math.min(room.byteSize(), Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT));
    return memory;
  }

  /** Registers a plan to be closed before the memory. */
  DerivedPlan attach(DerivedPlan plan) {
    attached.add(plan);
    return plan;
  }

  /** Closes a registered plan. */
  void close(DerivedPlan plan) {
    if (attached.remove(plan)) {
      plan.close();
    }
  }

  /** Returns the size in bytes. */
  long bytes() {
    return bytes;
  }

  Executor executor() {
    return executor;
  }

  boolean isOpen() {
    return arena.scope().isAlive();
  }

  /** Frees the memory. */
  @Override
  public void close() {
    if (isOpen()) {
      attached.forEach(DerivedPlan::close);
      arena.close();
    }
  }
}
