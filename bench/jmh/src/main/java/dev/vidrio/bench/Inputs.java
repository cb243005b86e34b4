package dev.vidrio.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Packing;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** Random weights in the memory of an executor, from a fixed seed. */
final class Inputs {
  /** Token ids, the rows of {@link #table}. */
  static final int TOKENS = 1024;

  private static final float FACTOR = 0.01f;

  /** The exponent of a block of MXFP4, for the scale 2^(121 − 128). */
  private static final byte EXPONENT = 121;

  private final Executor executor;
  private final Arena arena;
  private final SplittableRandom random = new SplittableRandom(1);

  /** Creates weights for the lifetime of the arena. */
  Inputs(Executor executor, Arena arena) {
    this.executor = executor;
    this.arena = arena;
  }

  /** Returns an embedding table [TOKENS, width]. */
  Weights table(int width) {
    return rows(WeightType.F32, TOKENS, width, arena);
  }

  /** Returns a vector of f32. */
  Weights vector(int width) {
    return rows(WeightType.F32, 1, width, arena);
  }

  /** Returns a matrix [N, K] in the layout that products need: packed if it is quantized. */
  Weights matrix(WeightType type, int n, int k) {
    if (!type.quantized()) {
      return rows(type, n, k, arena);
    }
    MemorySegment packed = executor.allocate(Packing.bytes(type, n, k), arena);
    try (Arena local = Arena.ofShared()) {
      executor.pack(type, n, k, rows(type, n, k, local).data(), packed);
    }
    return new Weights("w", type, Weights.Layout.PACKED, n, k, packed);
  }

  private Weights rows(WeightType type, int n, int k, Arena owner) {
    MemorySegment data = executor.allocate(Math.multiplyExact(n, type.bytes(k)), owner);
    switch (type) {
      case F32 -> {
        for (long i = 0; i < data.byteSize() / Float.BYTES; i++) {
          data.setAtIndex(JAVA_FLOAT, i, number());
        }
      }
      case F16 -> fillHalves(data, 0, data.byteSize(), 1);
      case BF16 -> {
        for (long i = 0; i < data.byteSize(); i += Short.BYTES) {
          short upper = (short) (Float.floatToRawIntBits(number()) >> Short.SIZE);
          data.set(JAVA_SHORT_UNALIGNED, i, upper);
        }
      }
      default -> fillBlocks(type, data);
    }
    return new Weights("w", type, Weights.Layout.ROWS, n, k, data);
  }

  /** Fills blocks with all integers, and factors of either sign. */
  private void fillBlocks(WeightType type, MemorySegment data) {
    long whole = data.byteSize() / Long.BYTES;
    for (long i = 0; i < whole; i++) {
      data.setAtIndex(JAVA_LONG_UNALIGNED, i, random.nextLong());
    }
    for (long block = 0; block < data.byteSize(); block += type.blockBytes()) {
      if (type == WeightType.MXFP4) {
        data.set(JAVA_BYTE, block, EXPONENT);
      }
      fillHalves(data, block + type.halfOffset(), (long) type.halves() * Short.BYTES, FACTOR);
    }
  }

  private void fillHalves(MemorySegment data, long offset, long bytes, float factor) {
    for (long at = offset; at < offset + bytes; at += Short.BYTES) {
      data.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(number() * factor));
    }
  }

  private float number() {
    return (float) random.nextDouble(-1, 1);
  }
}
