package dev.vidrio.lens.memory;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.model.session.BatchRunner;
import java.lang.foreign.MemorySegment;

/** Adjacent rows of a step's logits. */
public final class LogitRows {
  private LogitRows() {}

  /**
   * Returns rows of the logits of the last step, f32 [count, V], valid until the next step.
   *
   * @param first the first row
   */
  public static MemorySegment of(BatchRunner runner, int first, int count) {
    if (count == 1) {
      return runner.logits(first);
    }
    int width = Math.toIntExact(runner.logits(first).byteSize() / Float.BYTES);
    MemorySegment rows = MemorySegment.ofArray(new float[Math.multiplyExact(count, width)]);
    for (int i = 0; i < count; i++) {
      MemorySegment row = runner.logits(first + i);
      MemorySegment.copy(row, JAVA_FLOAT, 0, rows, JAVA_FLOAT, 4L * i * width, width);
    }
    return rows;
  }
}
