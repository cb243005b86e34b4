package dev.vidrio.model.block;

/**
 * The dimensions of latent attention.
 *
 * @param count H, the number of heads
 * @param dH d_h, elements of a head's query and key
 * @param dV d_v, elements of a head's value
 * @param turning elements of a query and key that have RoPE, after the others
 * @param rank elements of the latent vector
 */
record LatentHeads(int count, int dH, int dV, int turning, int rank) {
  /** Returns the elements of a query and key without RoPE. */
  int still() {
    return dH - turning;
  }

  /** Returns the rows of a head in a tensor with the matrices to keys and values. */
  int rows() {
    return still() + dV;
  }
}
