package dev.vidrio.lens.partial;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.WeightEncoder;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * The transposed matrices of a model, packed as Q8_0: the float values of W [N, K] in blocks of 32
 * rows of a column. Each is computed on first use and cached. Thread-safe.
 */
public final class TransposedWeights {
  private static final WeightType TYPE = WeightType.Q8_0;

  private final Executor executor;
  private final Arena arena;
  private final Map<Weights, Weights> made = new HashMap<>();

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
   * @throws InvalidInputException if it has elements that are NaN, infinite or too large for blocks
   */
  public synchronized Weights transpose(Weights weights) {
    return made.computeIfAbsent(weights, this::make);
  }

  private Weights make(Weights w) {
    int n = w.k();
    int k = w.n();
    try (Arena scratch = Arena.ofShared()) {
      long floatBytes = Math.multiplyExact((long) n * k, Float.BYTES);
      MemorySegment floats = executor.allocateUncleared(floatBytes, scratch);
      WeightColumns.copy(executor, w, floats);
      MemorySegment blocks =
          executor.allocateUncleared(Math.multiplyExact(n, TYPE.bytes(k)), scratch);
      if (WeightEncoder.encode(WeightType.F32, TYPE, n, k, floats, null, blocks).isPresent()) {
        throw new InvalidInputException(
            "fast gradients", w.name(), "has weights that are NaN, infinite or too large");
      }
      MemorySegment packed = executor.allocateUncleared(Packing.bytes(TYPE, n, k), arena);
      executor.pack(TYPE, n, k, blocks, packed);
      return new Weights(w.name() + ".transposed", TYPE, Weights.Layout.PACKED, n, k, packed);
    }
  }
}
