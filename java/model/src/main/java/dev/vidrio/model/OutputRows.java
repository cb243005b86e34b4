package dev.vidrio.model;

import dev.vidrio.kernel.ExecutablePlan;
import dev.vidrio.kernel.op.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The rows that a step writes to a buffer, whose memory is looked up once.
 *
 * @param data of all rows
 * @param bytes of a row
 */
record OutputRows(MemorySegment data, long bytes) {
  static OutputRows of(ExecutablePlan plan, Buffer buffer) {
    return new OutputRows(plan.data(buffer), buffer.width() * (long) Float.BYTES);
  }

  /** Row i. */
  MemorySegment row(int i) {
    return data.asSlice(i * bytes, bytes, ValueLayout.JAVA_FLOAT.byteAlignment());
  }
}
