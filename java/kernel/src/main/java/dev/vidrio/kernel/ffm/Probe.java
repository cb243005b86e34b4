package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.vidrio.bindings.Vidrio;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.ToIntFunction;

/** Measurements of the machine's peak rates, to which benchmarks are compared. */
public enum Probe {
  /** f32 operations per second; a fused multiply-add counts as two. */
  F32_FMA(Vidrio.VD_PROBE_F32_FMA()),
  /** int8 multiplications and additions per second. */
  INT8_DOT(Vidrio.VD_PROBE_INT8_DOT()),
  /** bf16 multiplications and additions per second. */
  BF16_DOT(Vidrio.VD_PROBE_BF16_DOT()),
  /** Bytes per second read from memory. */
  READ(Vidrio.VD_PROBE_READ());

  private final int kind;

  Probe(int kind) {
    this.kind = kind;
  }

  /**
   * Returns the total rate of all workers, measured over about {@code seconds}; reads are those of
   * 256 MiB, beyond most caches, by the workers that decode.
   */
  public double measure(NativeExecutor executor, double seconds) {
    return measure(executor, 0, seconds);
  }

  /** Returns the rate at which workers that decode read memory of this size, partly from caches. */
  public static double reads(NativeExecutor executor, long bytes, double seconds) {
    if (bytes <= 0) {
      throw new IllegalArgumentException(bytes + " bytes: must be positive");
    }
    return READ.measure(executor, bytes, seconds);
  }

  private double measure(NativeExecutor executor, long bytes, double seconds) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_DOUBLE);
      int isa = executor.isa().id();
      ToIntFunction<MemorySegment> probe =
          pool -> Vidrio.vd_probe(kind, pool, isa, bytes, seconds, result);
      if (this == READ) {
        executor.callDecoders(name(), probe);
      } else {
        executor.call(name(), probe);
      }
      return result.get(JAVA_DOUBLE, 0);
    }
  }
}
