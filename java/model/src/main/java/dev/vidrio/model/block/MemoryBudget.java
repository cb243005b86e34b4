package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Repacking;
import java.lang.System.Logger.Level;

/**
 * The memory that packed weights need, compared with what is available before the first of them is
 * packed. Linux would grant the memory and end the process when pages run out. Weights that would
 * be packed after the first step stay in the mapped file instead, with a warning.
 *
 * <p>Thread-safe.
 */
final class MemoryBudget {
  private static final System.Logger LOG = System.getLogger("dev.vidrio.model");

  private final Executor executor;
  private final String name;
  private final long allBytes;
  private final long packedBytes;
  private final boolean keepsRows;
  private boolean checked;

  /** Counts the bytes that are packed, and warns of a model that can only be mapped. */
  MemoryBudget(Gguf gguf, QuantizedBytes quantized, Executor executor, Repacking repacking) {
    this.executor = executor;
    this.name = gguf.name();
    this.allBytes = quantized.experts() + quantized.matrices();
    long available = executor.availableMemory();
    this.keepsRows = repacking == Repacking.DEFERRED && allBytes > available;
    boolean maps = keepsRows || repacking == Repacking.NEVER;
    // Matrices of experts are always packed.
    this.packedBytes = maps ? quantized.experts() : allBytes;
    if (maps && gguf.size() > available) {
      warn(
          "the mapped file exceeds the available memory: each step reads it from disk",
          gguf.size(),
          available);
    } else if (keepsRows) {
      warn(
          "packed weights exceed the available memory: they stay in the mapped file, which is"
              + " slower",
          allBytes,
          available);
    }
  }

  /** Returns whether matrices that would be packed later stay in the mapped file. */
  boolean keepsRows() {
    return keepsRows;
  }

  private void warn(String what, long bytes, long available) {
    LOG.log(Level.WARNING, () -> name + ": " + what + sizes(bytes, available));
  }

  /**
   * Compares once.
   *
   * @throws OutOfMemoryError if packed weights exceed the available memory
   */
  synchronized void requireMemory() {
    if (checked) {
      return;
    }
    long available = executor.availableMemory();
    if (packedBytes > available) {
      throw tooLarge(packedBytes, available);
    }
    checked = true;
  }

  /** Returns the error of packing a matrix that stays in the mapped file. */
  OutOfMemoryError tooLarge() {
    return tooLarge(allBytes, executor.availableMemory());
  }

  private OutOfMemoryError tooLarge(long bytes, long available) {
    return new OutOfMemoryError(
        name
            + ": packed weights exceed the available memory"
            + sizes(bytes, available)
            + "; without repacking, they stay in the mapped file");
  }

  private static String sizes(long bytes, long available) {
    return " (%.1f GB of weights, %.1f GB available)".formatted(bytes / 1e9, available / 1e9);
  }
}
