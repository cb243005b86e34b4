package dev.vidrio.kernel.java.step;

import dev.vidrio.kernel.Batch;

/** An operation with the memory that it works on. */
public interface Step {
  /** Computes a worker's share of the outputs. */
  void run(Kernels kernels, Batch batch, Share share);
}
