package dev.vidrio.kernel.java.runtime;

/**
 * A worker's share of the outputs of an operation: contiguous, and of equal size for all workers.
 *
 * @param worker index of the worker, from 0
 * @param workers number of workers
 */
public record Share(int worker, int workers) {
  /** Returns the first of {@code items} items. */
  public int begin(int items) {
    return (int) ((long) items * worker / workers);
  }

  /** Returns the item after the last one. */
  public int end(int items) {
    return (int) ((long) items * (worker + 1) / workers);
  }

  /** Returns the first of {@code n} elements, which are divided at multiples of {@code grain}. */
  public long begin(long n, int grain) {
    return Math.ceilDiv(n, grain) * worker / workers * grain;
  }

  /** Returns the element after the last one. */
  public long end(long n, int grain) {
    return Math.min(n, Math.ceilDiv(n, grain) * (worker + 1) / workers * grain);
  }
}
