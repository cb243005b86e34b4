package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.DeferredPacking;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.Repacking;
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
  private final WeightMemory slices;
  private final WeightMemory experts;
  private final Repacking repacking;
  private final LongConsumer progress;
  private final MemoryBudget budget;
  private final long total;
  private long done;

  /**
   * Starts without packing.
   *
   * @param quantized bytes of the file's quantized matrices
   * @param slices for matrices with outputs divided among workers
   * @param experts for matrices of experts
   * @param repacking when matrices are packed that need not be
   * @param progress receives the number of bytes that are ready
   */
  WeightPacker(
      Gguf gguf,
      QuantizedBytes quantized,
      Executor executor,
      WeightMemory slices,
      WeightMemory experts,
      Repacking repacking,
      LongConsumer progress) {
    this.executor = executor;
    this.slices = slices;
    this.experts = experts;
    this.repacking =
        executor.multipliesRows() || repacking == Repacking.NEVER ? repacking : Repacking.AT_ONCE;
    this.budget = new MemoryBudget(gguf, quantized, executor, this.repacking);
    this.total = WeightLoader.bytes(gguf);
    this.progress = progress;
    progress.accept(0);
  }

  /** Returns whether matrices of a type are packed; those of experts are whenever they can be. */
  boolean packs(WeightType type) {
    return repacking != Repacking.NEVER && type.quantized();
  }

  /** Returns a matrix [n, k] of a file's bytes, packed at once or later, or as it is. */
  Weights matrix(String name, WeightType type, int n, int k, MemorySegment data) {
    if (repacking != Repacking.DEFERRED || !packs(type) || !Packing.fitsScratch(type, k)) {
      return matrix(name, type, n, k, data, packs(type));
    }
    MemorySegment packed = slices.allocate(Packing.bytes(type, n, k));
    count(data.byteSize());
    var deferred =
        budget.keepsRows()
            ? DeferredPacking.keepingRows(
                data,
                packed,
                () -> {
                  throw budget.tooLarge();
                })
            : new DeferredPacking(data, packed, () -> pack(type, n, k, data, packed, done -> {}));
    return new Weights(name, type, Weights.Layout.PACKED, n, k, packed, deferred);
  }

  /** Returns a matrix [n, k] of bytes, packed or as it is. */
  Weights matrix(String name, WeightType type, int n, int k, MemorySegment data, boolean packs) {
    if (!packs) {
      return rows(name, type, n, k, data);
    }
    MemorySegment packed = slices.allocate(Packing.bytes(type, n, k));
    return pack(name, type, n, k, data, packed);
  }

  /** Returns the matrix [n, k] of an expert, packed if its type can be. */
  Weights expert(String name, WeightType type, int n, int k, MemorySegment data) {
    if (!type.quantized()) {
      return rows(name, type, n, k, data);
    }
    return pack(name, type, n, k, data, experts.allocate(Packing.bytes(type, n, k)));
  }

  private Weights rows(String name, WeightType type, int n, int k, MemorySegment data) {
    count(data.byteSize());
    return new Weights(name, type, Weights.Layout.ROWS, n, k, data);
  }

  private Weights pack(
      String name, WeightType type, int n, int k, MemorySegment data, MemorySegment packed) {
    pack(type, n, k, data, packed, this::count);
    return new Weights(name, type, Weights.Layout.PACKED, n, k, packed);
  }

  private void pack(
      WeightType type,
      int n,
      int k,
      MemorySegment data,
      MemorySegment packed,
      LongConsumer counter) {
    budget.requireMemory();
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
      counter.accept(source.byteSize());
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
