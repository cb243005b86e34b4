package dev.vidrio.kernel.weight;

import java.lang.foreign.MemorySegment;

/**
 * A quantized matrix that is not packed until its packed bytes are needed. Until then, products may
 * use its rows as they are in the file.
 *
 * <p>Thread-safe. The first caller of {@link #packed} packs; others wait for it.
 */
public final class DeferredPacking {
  private final MemorySegment rows;
  private final MemorySegment packed;
  private final Runnable packing;
  private final boolean keepsRows;
  private volatile boolean used;
  private volatile boolean done;

  /**
   * Starts unpacked.
   *
   * @param rows the matrix in GGUF's layout, which stays valid as long as the packed one
   * @param packed memory for the packed matrix
   * @param packing packs {@code rows} into {@code packed}; called once
   */
  public DeferredPacking(MemorySegment rows, MemorySegment packed, Runnable packing) {
    this(rows, packed, packing, false);
  }

  private DeferredPacking(
      MemorySegment rows, MemorySegment packed, Runnable packing, boolean keepsRows) {
    this.rows = rows;
    this.packed = packed;
    this.packing = packing;
    this.keepsRows = keepsRows;
  }

  /**
   * Returns a matrix that products multiply as it is in the file in all steps, since its packed
   * bytes do not fit into memory. Only other readers pack it.
   */
  public static DeferredPacking keepingRows(
      MemorySegment rows, MemorySegment packed, Runnable packing) {
    return new DeferredPacking(rows, packed, packing, true);
  }

  /** Returns whether products multiply the rows in all steps. */
  public boolean keepsRows() {
    return keepsRows;
  }

  /**
   * Returns whether a product should use the packed matrix: it is packed, or a step has multiplied
   * its rows before and they are not kept.
   */
  public boolean isDue() {
    return done || (used && !keepsRows);
  }

  /** Records that a step has multiplied the rows. */
  public void recordUse() {
    used = true;
  }

  /** Returns the matrix in GGUF's layout. */
  public MemorySegment rows() {
    return rows;
  }

  /** Returns the memory of the packed matrix, which is not written before it is packed. */
  public MemorySegment reserved() {
    return packed;
  }

  /** Returns the packed matrix; packs it if it is not packed yet. */
  public synchronized MemorySegment packed() {
    if (!done) {
      packing.run();
      done = true;
    }
    return packed;
  }
}
