package dev.vidrio.model.block;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.util.function.LongConsumer;

/**
 * Packs quantized matrices into memory of their own, releases their source pages, and reports
 * progress.
 */
final class WeightPacker {
  /** Bytes packed between two releases of pages and reports of progress. */
  private static final long PART = 8L << 20;

  private final Executor executor;
  private final WeightMemory memory;
  private final boolean repack;
  private final LongConsumer progress;
  private final long total;
  private long done;

  /**
   * Starts without packing.
   *
   * @param repack if true, quantized matrices are packed, not only those that must be
   * @param total bytes of the file's tensors
   * @param progress receives the number of bytes that are ready
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

  /** Returns whether matrices of a type are packed; those of experts are whenever they can be. */
  boolean packs(WeightType type) {
    return repack && type.quantized();
  }

  /** Returns a matrix [n, k] of a file's bytes, packed or as it is. */
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

  /** Releases pages of a mapped file, which remain readable. */
  private static void release(MemorySegment source) {
    if (source.isMapped()) {
      source.unload();
    }
  }

  /** Counts a tensor that is taken twice, as a tied one, as a matrix. */
  void count(long bytes) {
    done = Math.min(total, done + bytes);
    progress.accept(done);
  }

  /** Reports that all bytes are ready. */
  void finish() {
    progress.accept(total);
  }
}
