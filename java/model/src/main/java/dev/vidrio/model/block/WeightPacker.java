package dev.vidrio.model.block;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;

/**
 * Packs quantized matrices into memory of their own, gives the pages that they came from back, and
 * counts what is ready.
 */
final class WeightPacker {
  /** Bytes that are packed between two releases of pages and reports of progress. */
  private static final long PART = 8L << 20;

  private final Executor executor;
  private final WeightMemory memory;
  private final boolean repack;
  private final LongConsumer progress;
  private final long total;
  private long done;

  /**
   * Packs nothing yet.
   *
   * @param repack whether quantized matrices are packed, other than those that must be
   * @param total bytes of the file's tensors
   * @param progress hears how many of them are ready
   */
  WeightPacker(
      Executor executor, WeightMemory memory, boolean repack, long total, LongConsumer progress) {
    this.executor = executor;
    this.memory = memory;
    this.repack = repack;
    this.total = total;
    this.progress = progress;
    progress.accept(0);
  }

  /** Whether matrices of a type are packed; those of experts are wherever they can be. */
  boolean packs(WeightType type) {
    return repack && type.quantized();
  }

  /** A matrix [n, k] of a file's bytes, packed or as it is. */
  Weights matrix(String name, WeightType type, int n, int k, MemorySegment data, boolean packs) {
    if (!packs) {
      count(data.byteSize());
      return new Weights(name, type, Weights.Layout.ROWS, n, k, data);
    }
    MemorySegment packed = memory.allocate(Packing.bytes(type, n, k));
    pack(type, n, k, data, packed);
    return new Weights(name, type, Weights.Layout.PACKED, n, k, packed);
  }

  private void pack(WeightType type, int n, int k, MemorySegment data, MemorySegment packed) {
    long rowBytes = type.bytes(k);
    long groupBytes = Packing.groupBytes(type, k);
    int step = Math.clamp(PART / groupBytes, 1, Packing.groups(n)) * Packing.ROWS;
    for (int row = 0; row < n; row += step) {
      int rows = Math.min(step, n - row);
      MemorySegment source = data.asSlice(row * rowBytes, rows * rowBytes);
      executor.pack(
          type,
          rows,
          k,
          source,
          packed.asSlice(row / Packing.ROWS * groupBytes, Packing.bytes(type, rows, k)));
      release(source);
      count(source.byteSize());
    }
  }

  /** Gives the pages of a mapped file back; they still can be read. */
  private static void release(MemorySegment source) {
    if (source.isMapped()) {
      source.unload();
    }
  }

  /** A tensor that is taken twice, as a tied one is, counts as a matrix, not as a table. */
  void count(long bytes) {
    done = Math.min(total, done + bytes);
    progress.accept(done);
  }

  /** Ends loading: all is ready. */
  void finish() {
    progress.accept(total);
  }
}
