package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Repacking;
import java.lang.System.Logger.Level;

/**
 * The memory that packed weights need, compared with what is available before the first of them is
 * packed. Linux would grant the memory and end the process when pages run out.
 *
 * <p>Thread-safe.
 */
final class MemoryBudget {
  private static final System.Logger LOG = System.getLogger("dev.vidrio.model");

  private final Executor executor;
  private final String name;
  private final long packedBytes;
  private boolean checked;

  /** Counts the bytes that are packed, and warns of a model that only can be mapped. */
  MemoryBudget(Gguf gguf, QuantizedBytes quantized, Executor executor, Repacking repacking) {
    this.executor = executor;
    this.name = gguf.name();
    // Matrices of experts are always packed.
    this.packedBytes =
        quantized.experts() + (repacking == Repacking.NEVER ? 0 : quantized.matrices());
    long available = executor.availableMemory();
    if (repacking == Repacking.NEVER && gguf.size() > available) {
      warn(
          "the mapped file exceeds the available memory: each step reads it from disk",
          gguf.size(),
          available);
    } else if (repacking == Repacking.DEFERRED && packedBytes > available) {
      warn(
          "packed weights exceed the available memory: only one step can run",
          packedBytes,
          available);
    }
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
      throw new OutOfMemoryError(
          name
              + ": packed weights exceed the available memory"
              + sizes(packedBytes, available)
              + "; without repacking, they stay in the mapped file");
    }
    checked = true;
  }

  private static String sizes(long bytes, long available) {
    return " (%.1f GB of weights, %.1f GB available)".formatted(bytes / 1e9, available / 1e9);
  }
}
