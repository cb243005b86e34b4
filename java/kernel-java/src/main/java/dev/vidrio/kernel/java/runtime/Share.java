package dev.vidrio.kernel.java.runtime;

/**
 * A worker's part of the outputs of an operation: contiguous, and as large as every other's.
 *
 * @param worker this worker, from 0
 * @param workers all of them
 */
public record Share(int worker, int workers) {
  /** Its first item of {@code items}. */
  public int begin(int items) {
    return (int) ((long) items * worker / workers);
  }

  /** The item after its last one. */
  public int end(int items) {
    return (int) ((long) items * (worker + 1) / workers);
  }

  /** Its first element of {@code n}, which are divided at multiples of {@code grain}. */
  public long begin(long n, int grain) {
    return Math.ceilDiv(n, grain) * worker / workers * grain;
  }

  /** The element after its last one. */
  public long end(long n, int grain) {
    return Math.min(n, Math.ceilDiv(n, grain) * (worker + 1) / workers * grain);
  }
}
