package dev.vidrio.kernel.execution;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.Rotation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The cosines and sines of a rotation, each [positions, pairs], computed when positions are
 * reached.
 */
public final class RotationTable {
  /** Rows that are computed at once, so that few decoding steps compute any. */
  private static final int STEP = 64;

  private final Rotation rotation;
  private final int capacity;
  private final MemorySegment cos;
  private final MemorySegment sin;
  private int filled;

  RotationTable(Rotation rotation, int capacity, Executor executor, Arena arena) {
    this.rotation = rotation;
    this.capacity = capacity;
    long bytes = (long) capacity * rotation.frequencies().size() * Float.BYTES;
    this.cos = executor.allocate(bytes, arena);
    this.sin = executor.allocate(bytes, arena);
  }

  /** Returns the cosines. */
  public MemorySegment cos() {
    return cos;
  }

  /** Returns the sines. */
  public MemorySegment sin() {
    return sin;
  }

  void ensure(int positions) {
    if (positions <= filled) {
      return;
    }
    int end = Math.min(capacity, Math.ceilDiv(positions, STEP) * STEP);
    int pairs = rotation.width() / 2;
    for (int p = filled; p < end; p++) {
      for (int j = 0; j < pairs; j++) {
        cos.setAtIndex(JAVA_FLOAT, (long) p * pairs + j, rotation.cos(p, j));
        sin.setAtIndex(JAVA_FLOAT, (long) p * pairs + j, rotation.sin(p, j));
      }
    }
    filled = end;
  }
}
