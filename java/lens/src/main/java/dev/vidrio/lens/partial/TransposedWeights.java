package dev.vidrio.lens.partial;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.WeightEncoder;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * The transposed matrices of a model, for products of an arithmetic: packed as Q8_0, which has the
 * float values of W [N, K] in blocks of 32 rows of a column, or as BF16. Each is computed on first
 * use and cached. Thread-safe.
 */
public final class TransposedWeights {
  private final Executor executor;
  private final Arena arena;
  private final Map<Key, Weights> made = new HashMap<>();

  private record Key(Weights weights, WeightType type) {}

  private TransposedWeights(Executor executor, Arena arena) {
    this.executor = executor;
    this.arena = arena;
  }

  /** Returns the transposed matrices of a model, which live as long as it. */
  public static TransposedWeights of(Model model) {
    return model.cached(
        TransposedWeights.class, arena -> new TransposedWeights(model.executor(), arena));
  }

  /**
   * Returns Wᵀ [K, N].
   *
   * @param weights [N, K], where N is a multiple of 32
   * @param arithmetic of the products that read it
   * @throws InvalidInputException if it has elements that are NaN, infinite or too large for blocks
   */
  public synchronized Weights transpose(Weights weights, Arithmetic arithmetic) {
    WeightType type =
        switch (arithmetic) {
          case INT8 -> WeightType.Q8_0;
          case BF16 -> WeightType.BF16;
        };
    return made.computeIfAbsent(new Key(weights, type), this::make);
  }

  private Weights make(Key key) {
    Weights w = key.weights();
    WeightType type = key.type();
    int n = w.k();
    int k = w.n();
    String name = w.name() + ".transposed";
    long bytes = Math.multiplyExact(n, type.bytes(k));
    try (Arena scratch = Arena.ofShared()) {
      long floatBytes = Math.multiplyExact((long) n * k, Float.BYTES);
      MemorySegment floats = executor.allocateUncleared(floatBytes, scratch);
      WeightColumns.copy(executor, w, floats);
      if (!type.quantized()) {
        MemorySegment rows = executor.allocateUncleared(bytes, arena);
        encode(key, floats, rows);
        return new Weights(name, type, Weights.Layout.ROWS, n, k, rows);
      }
      MemorySegment blocks = executor.allocateUncleared(bytes, scratch);
      encode(key, floats, blocks);
      MemorySegment packed = executor.allocateUncleared(Packing.bytes(type, n, k), arena);
      executor.pack(type, n, k, blocks, packed);
      return new Weights(name, type, Weights.Layout.PACKED, n, k, packed);
    }
  }

  private static void encode(Key key, MemorySegment floats, MemorySegment rows) {
    Weights w = key.weights();
    if (WeightEncoder.encode(WeightType.F32, key.type(), w.k(), w.n(), floats, null, rows)
        .isPresent()) {
      throw new InvalidInputException(
          "fast gradients", w.name(), "has weights that are NaN, infinite or too large");
    }
  }
}
