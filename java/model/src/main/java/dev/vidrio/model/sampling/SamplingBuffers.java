package dev.vidrio.model.sampling;

import dev.vidrio.kernel.TopKHeap;

/**
 * Memory for a row of logits that samplers need while they choose a token: 28 bytes per id.
 * Samplers that one thread uses, one after the other, can share it.
 */
public final class SamplingBuffers {
  final TopKHeap greatest;
  final double[] weights;
  // The logits that are known in this step, after biases and penalties, and whose they are.
  final float[] logits;
  final int[] known;
  final int[] knownSince;
  int step;

  /** Memory for a vocabulary. */
  public SamplingBuffers(int vocabulary) {
    this.greatest = new TopKHeap(vocabulary);
    this.weights = new double[vocabulary];
    this.logits = new float[vocabulary];
    this.known = new int[vocabulary];
    this.knownSince = new int[vocabulary];
  }
}
