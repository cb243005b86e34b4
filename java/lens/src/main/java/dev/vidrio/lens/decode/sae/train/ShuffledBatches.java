package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.model.sampling.SplitMix64;

/**
 * Passes rows once in random order, in batches; a rest of less than a batch is left out. Not
 * thread-safe.
 */
public final class ShuffledBatches {
  private final ActivationRows rows;
  private final int columns;
  private final int batch;
  private final int[] order;
  private int next;

  /**
   * Draws an order of the rows, which must not be changed.
   *
   * @param columns floats of a row
   */
  public ShuffledBatches(ActivationRows rows, int columns, int batch, long seed) {
    this.rows = rows;
    this.columns = columns;
    this.batch = batch;
    this.order = new int[rows.size()];
    var random = new SplitMix64(seed);
    for (int i = 0; i < order.length; i++) {
      int j = (int) (random.nextDouble() * (i + 1));
      order[i] = order[j];
      order[j] = i;
    }
  }

  /** Returns whether rows for another batch are left. */
  public boolean hasNext() {
    return next + batch <= order.length;
  }

  /** Returns copies of the next rows, [batch][columns]. */
  public float[][] next() {
    var copies = new float[batch][columns];
    for (float[] copy : copies) {
      rows.copy(order[next++], copy);
    }
    return copies;
  }
}
