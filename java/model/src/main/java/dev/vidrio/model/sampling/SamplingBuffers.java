package dev.vidrio.model.sampling;

import dev.vidrio.kernel.TopKHeap;

/**
 * Working memory of samplers: 28 bytes per id of the vocabulary. Samplers that are used by one
 * thread, one after the other, can share it.
 */
public final class SamplingBuffers {
  final TopKHeap top;
  final double[] weights;
  // The logits known in this step, after biases and penalties, and the ids of those tokens.
  final float[] logits;
  final int[] known;
  final int[] knownSince;
  int step;

  /** Allocates memory for a vocabulary. */
  public SamplingBuffers(int vocabulary) {
    this.top = new TopKHeap(vocabulary);
    this.weights = new double[vocabulary];
    this.logits = new float[vocabulary];
    this.known = new int[vocabulary];
    this.knownSince = new int[vocabulary];
  }
}
