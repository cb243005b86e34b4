package dev.vidrio.lens.partial;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Copies the columns of a matrix that multiply one head's part of a row. */
final class HeadColumns {
  private HeadColumns() {}

  /** Returns whether the columns of a head are whole blocks. */
  static boolean divides(Weights matrix, int heads) {
    int columns = matrix.k() / heads;
    return matrix.k() % heads == 0
        && columns % Packing.STEP == 0
        && columns % matrix.type().blockElements() == 0;
  }

  /** Returns the columns of a head, with the bits of the matrix. */
  static Weights copy(Executor executor, Weights matrix, int heads, int head, Arena arena) {
    int k = matrix.k() / heads;
    String name = matrix.name() + "." + head;
    WeightType type = matrix.type();
    if (matrix.layout() == Weights.Layout.ROWS) {
      long bytes = type.bytes(k);
      long from = type.bytes(matrix.k());
      MemorySegment data = executor.allocate(Math.multiplyExact(matrix.n(), bytes), arena);
      for (long i = 0; i < matrix.n(); i++) {
        MemorySegment.copy(matrix.data(), i * from + head * bytes, data, i * bytes, bytes);
      }
      return new Weights(name, type, Weights.Layout.ROWS, matrix.n(), k, data);
    }
    long group = Packing.groupBytes(type, k);
    long from = Packing.groupBytes(type, matrix.k());
    long codes = Packing.factorOffset(type, k);
    long factors = (long) k / type.blockElements() * Packing.blockFactorBytes(type);
    MemorySegment data = executor.allocate(Packing.bytes(type, matrix.n(), k), arena);
    for (long g = 0; g < Packing.groups(matrix.n()); g++) {
      MemorySegment.copy(matrix.data(), g * from + head * codes, data, g * group, codes);
      long at = g * from + Packing.factorOffset(type, matrix.k()) + head * factors;
      MemorySegment.copy(matrix.data(), at, data, g * group + codes, factors);
    }
    return new Weights(name, type, Weights.Layout.PACKED, matrix.n(), k, data);
  }
}
