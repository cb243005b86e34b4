package dev.vidrio.model.session;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The rows that a step writes to a buffer.
 *
 * @param data the memory of all rows
 * @param bytes the size of one row
 */
record BufferRows(MemorySegment data, long bytes) {
  /** Looks up the memory of a buffer in a prepared plan. */
  static BufferRows of(ExecutablePlan plan, Buffer buffer) {
    return new BufferRows(plan.data(buffer), buffer.width() * (long) Float.BYTES);
  }

  /** Returns row i. */
  MemorySegment row(int i) {
    return data.asSlice(i * bytes, bytes, ValueLayout.JAVA_FLOAT.byteAlignment());
  }
}
