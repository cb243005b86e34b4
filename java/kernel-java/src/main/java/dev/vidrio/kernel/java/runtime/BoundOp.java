package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.Batch;

/** An operation with the memory that it works on. */
public interface BoundOp {
  /** Computes a worker's share of the outputs. */
  void run(Kernels kernels, Batch batch, Share share);
}
