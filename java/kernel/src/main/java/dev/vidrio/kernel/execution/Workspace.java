package dev.vidrio.kernel.execution;

import static dev.vidrio.kernel.argument.Arguments.require;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rotation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The memory of a plan's activations, for any executor. Activations reuse the memory of earlier
 * ones that are no longer read, so that a deep model needs the memory of one layer and stays in the
 * processor caches.
 */
public final class Workspace {
  private static final long ALIGNMENT = 64;

  /** The memory of a quantized activation; shapes as in {@code vd_quantized}. */
  public record Quantized(
      MemorySegment q, MemorySegment scale, MemorySegment sum, MemorySegment scaledSum) {}

  /** A range of the memory that activations occupy in turn. */
  private record Slot(long offset, long bytes) {}

  /** Rows of a replicated activation per worker; {@code VD_REPLICATED_ROWS}. */
  private static final int REPLICATED_ROWS = 16;

  private final Limits limits;
  private final Schedule schedule;
  private final int workers;
  private final int positions;
  private final MemorySegment memory;
  private final Map<Operand, Slot> slots;
  private final Schedule.Barrier[] barriers;
  private final Map<Rotation, RotationTable> rotations = new HashMap<>();

  /** Allocates memory for a plan that runs by a schedule, for the life of the arena. */
  public Workspace(Plan plan, Schedule schedule, Limits limits, Executor executor, Arena arena) {
    this.limits = limits;
    this.schedule = schedule;
    this.workers = executor.workers();
    this.positions = plan.positions();
    checkTables(plan, limits);
    var assignment = new Assignment(plan);
    this.slots = assignment.slots;
    this.memory = executor.allocateUncleared(Math.max(assignment.end, ALIGNMENT), arena);
    this.barriers = schedule.barriers(slots);
    for (Rotation rotation : plan.rotations()) {
      rotations.put(rotation, new RotationTable(rotation, limits.positions(), executor, arena));
    }
  }

  private static void checkTables(Plan plan, Limits limits) {
    for (Op op : plan.ops()) {
      switch (op) {
        case Op.Embed embed -> {
          long needed = embed.rowsNeeded(limits.vocabulary(), limits.positions());
          requireAtLeast(embed.table().name(), embed.table().n(), "rows", needed);
        }
        case BackwardOp.Seed seed -> {
          Buffer y = seed.y();
          long needed = (long) limits.rows(y.rows()) * y.width() * Float.BYTES;
          requireAtLeast("values of " + y.name(), seed.values().byteSize(), "bytes", needed);
        }
        default -> {}
      }
    }
  }

  private static void requireAtLeast(String what, long count, String unit, long needed) {
    require(
        count >= needed, what + " has " + count + " " + unit + ", but the limits need " + needed);
  }

  /** Returns the memory of an activation, [capacity of rows, width]. */
  public MemorySegment segment(Buffer buffer) {
    return slice(slot(buffer).offset, bytes(buffer));
  }

  /** Returns the memory of a quantized activation. */
  public Quantized segments(QuantizedBuffer buffer) {
    long rows = rows(buffer);
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

  /** Returns the table of a rotation. */
  public RotationTable table(Rotation rotation) {
    RotationTable table = rotations.get(rotation);
    if (table == null) {
      throw new IllegalArgumentException("the plan does not use this rotation");
    }
    return table;
  }

  /**
   * Fills the rotation tables up to the positions of a batch.
   *
   * @throws IllegalArgumentException if operands have no room for these positions
   */
  public void ensurePositions(Batch batch) {
    if (batch.maxPosition() >= positions) {
      throw new IllegalArgumentException(
          "position "
              + batch.maxPosition()
              + ": the plan has room for the scores of "
              + positions
              + " positions");
    }
    for (RotationTable table : rotations.values()) {
      table.ensure(batch.maxPosition() + 1);
    }
  }

  /** Returns when workers wait, before operation i, for all to finish earlier operations. */
  public Schedule.Barrier barrier(int i) {
    return barriers[i];
  }

  /** Returns whether workers wait before operation i if nothing is replicated. */
  public boolean barrierBefore(int i) {
    return barriers[i] != Schedule.Barrier.NEVER;
  }

  private Slot slot(Operand operand) {
    Slot slot = slots.get(operand);
    if (slot == null) {
      throw new IllegalArgumentException("activation " + operand.name() + " not found in the plan");
    }
    return slot;
  }

  private MemorySegment slice(long offset, long bytes) {
    return memory.asSlice(offset, bytes);
  }

  private long rows(Operand operand) {
    int rows = limits.rows(operand.rows());
    return schedule.isReplicated(operand) ? Math.max(rows, workers * REPLICATED_ROWS) : rows;
  }

  private long bytes(Buffer buffer) {
    return Math.multiplyExact(rows(buffer) * buffer.width(), (long) Float.BYTES);
  }

  private long slotBytes(Operand operand) {
    return switch (operand) {
      case Buffer buffer -> align(bytes(buffer));
      case QuantizedBuffer buffer -> {
        long rows = rows(buffer);
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
   * Assigns each activation the smallest free slot that holds it, from its write to its last read.
   */
  private final class Assignment {
    final Map<Operand, Slot> slots = new HashMap<>();
    final List<Slot> free = new ArrayList<>();
    long end;

    Assignment(Plan plan) {
      List<Op> ops = plan.ops();
      Map<Operand, Integer> lastUses = schedule.lastUses();
      lastUses.keySet().removeAll(plan.outputs());
      List<List<Operand>> ending = new ArrayList<>();
      ops.forEach(op -> ending.add(new ArrayList<>()));
      lastUses.forEach((operand, i) -> ending.get(i).add(operand));
      for (int i = 0; i < ops.size(); i++) {
        for (Operand operand : ops.get(i).writes()) {
          slots.put(operand, take(slotBytes(operand)));
        }
        ending.get(i).forEach(operand -> free.add(slots.get(operand)));
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
}
