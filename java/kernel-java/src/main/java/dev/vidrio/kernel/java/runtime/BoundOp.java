package dev.vidrio.kernel.java.runtime;

import dev.vidrio.kernel.Batch;

/** An operation that is bound to the memory of its operands. */
public interface BoundOp {
  /** Computes a worker's share of the outputs. */
  void run(Kernels kernels, Batch batch, Share share);
}
