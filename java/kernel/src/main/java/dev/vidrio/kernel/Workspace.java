package dev.vidrio.kernel;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Memory for the activations of a plan, the same for every executor. Activations that are no longer
 * read leave their place to later ones, so that a deep model needs the memory of one layer and
 * stays in the caches.
 */
public final class Workspace {
  private static final long ALIGNMENT = 64;

  /** Where a quantized activation lies; shapes as in {@code vd_quantized}. */
  public record Quantized(
      MemorySegment q, MemorySegment scale, MemorySegment sum, MemorySegment scaledSum) {}

  /** A piece of memory that activations occupy one after the other. */
  private record Slot(long offset, long bytes) {}

  private final Limits limits;
  private final MemorySegment memory;
  private final Map<Operand, Slot> slots;
  private final boolean[] barriers;
  private final Map<Rotation, RotationTable> rotations = new HashMap<>();

  private Workspace(Plan plan, Limits limits, Executor executor, Arena arena) {
    this.limits = limits;
    var assignment = new Assignment(plan);
    this.slots = assignment.slots;
    this.memory = executor.allocate(Math.max(assignment.end, ALIGNMENT), arena);
    this.barriers = barriers(plan);
    for (Rotation rotation : plan.rotations()) {
      rotations.put(rotation, new RotationTable(rotation, limits.positions(), executor, arena));
    }
  }

  /** Allocates memory for a plan, which lives as long as the arena. */
  public static Workspace allocate(Plan plan, Limits limits, Executor executor, Arena arena) {
    return new Workspace(plan, limits, executor, arena);
  }

  /** The memory of an activation, [room for rows, width]. */
  public MemorySegment segment(Buffer buffer) {
    return slice(slot(buffer).offset, bytes(buffer, Float.BYTES));
  }

  /** The memory of a quantized activation. */
  public Quantized segments(QuantizedBuffer buffer) {
    long rows = limits.rows(buffer.rows());
    long q = slot(buffer).offset;
    long perBlock = rows * buffer.blocks() * Float.BYTES;
    long sums = sumBytes(rows, buffer);
    long scale = align(q + rows * buffer.width());
    long sum = align(scale + perBlock);
    long scaledSum = align(sum + sums);
    return new Quantized(
        slice(q, rows * buffer.width()),
        slice(scale, perBlock),
        slice(sum, sums),
        slice(scaledSum, perBlock));
  }

  /** The table of a rotation. */
  public RotationTable table(Rotation rotation) {
    RotationTable table = rotations.get(rotation);
    if (table == null) {
      throw new IllegalArgumentException("the plan does not use this rotation");
    }
    return table;
  }

  /** Fills the rotation tables up to the positions of a batch. */
  public void ensurePositions(Batch batch) {
    for (RotationTable table : rotations.values()) {
      table.ensure(batch.maxPosition() + 1);
    }
  }

  /** Whether operation i must wait until all workers have finished the earlier ones. */
  public boolean barrierBefore(int i) {
    return barriers[i];
  }

  private Slot slot(Operand operand) {
    Slot slot = slots.get(operand);
    if (slot == null) {
      throw new IllegalArgumentException("the plan has no activation " + operand.name());
    }
    return slot;
  }

  private MemorySegment slice(long offset, long bytes) {
    return memory.asSlice(offset, bytes);
  }

  private long bytes(Operand operand, int elementBytes) {
    return Math.multiplyExact((long) limits.rows(operand.rows()) * operand.width(), elementBytes);
  }

  private long slotBytes(Operand operand) {
    return switch (operand) {
      case Buffer buffer -> align(bytes(buffer, Float.BYTES));
      case QuantizedBuffer buffer -> {
        long rows = limits.rows(buffer.rows());
        yield align(rows * buffer.width())
            + 2 * align(rows * buffer.blocks() * Float.BYTES)
            + align(sumBytes(rows, buffer));
      }
    };
  }

  private static long sumBytes(long rows, QuantizedBuffer buffer) {
    return rows * (buffer.width() / QuantizedBuffer.SUM_BLOCK) * Integer.BYTES;
  }

  private static long align(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  /**
   * Gives each activation the smallest free slot that holds it, from its write to its last read.
   */
  private final class Assignment {
    final Map<Operand, Slot> slots = new HashMap<>();
    final List<Slot> free = new ArrayList<>();
    long end;

    Assignment(Plan plan) {
      List<Op> ops = plan.ops();
      Map<Operand, Integer> lastUse = new HashMap<>();
      for (int i = 0; i < ops.size(); i++) {
        for (Operand operand : ops.get(i).operands().toList()) {
          lastUse.put(operand, i);
        }
      }
      plan.outputs().forEach(output -> lastUse.put(output, ops.size()));
      for (int i = 0; i < ops.size(); i++) {
        for (Operand operand : ops.get(i).writes()) {
          slots.put(operand, take(slotBytes(operand)));
        }
        for (Operand operand : ops.get(i).operands().distinct().toList()) {
          if (lastUse.getOrDefault(operand, i) == i) {
            free.add(slots.get(operand));
          }
        }
      }
    }

    private Slot take(long bytes) {
      Slot best = null;
      for (Slot slot : free) {
        if (slot.bytes >= bytes && (best == null || slot.bytes < best.bytes)) {
          best = slot;
        }
      }
      if (best != null) {
        free.remove(best);
        return best;
      }
      var slot = new Slot(end, bytes);
      end = Math.addExact(end, bytes);
      return slot;
    }
  }

  /**
   * An operation waits when it reads what another wrote, or writes what another read or wrote,
   * since the last barrier. Slots stand for the memory, since activations share it; a layer of the
   * cache counts as memory too.
   */
  private boolean[] barriers(Plan plan) {
    List<Op> ops = plan.ops();
    var result = new boolean[ops.size()];
    List<Object> read = new ArrayList<>();
    List<Object> written = new ArrayList<>();
    for (int i = 0; i < ops.size(); i++) {
      List<Object> reads = new ArrayList<>();
      List<Object> writes = new ArrayList<>();
      ops.get(i).reads().forEach(operand -> reads.add(slots.get(operand)));
      ops.get(i).writes().forEach(operand -> writes.add(slots.get(operand)));
      switch (ops.get(i)) {
        case Op.KvStore store -> writes.add(store.layer());
        case Op.Attention attention -> reads.add(attention.layer());
        default -> {}
      }
      result[i] =
          reads.stream().anyMatch(written::contains)
              || writes.stream().anyMatch(m -> written.contains(m) || read.contains(m));
      if (result[i]) {
        read.clear();
        written.clear();
      }
      read.addAll(reads);
      written.addAll(writes);
    }
    return result;
  }
}
