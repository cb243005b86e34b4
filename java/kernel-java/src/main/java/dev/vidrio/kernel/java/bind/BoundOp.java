package dev.vidrio.kernel.java.bind;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.runtime.Share;
import dev.vidrio.kernel.java.scalar.ScalarKernels;

/** An operation that is bound to the memory of its operands. */
@FunctionalInterface
public interface BoundOp {
  /** Computes a worker's share of the outputs. */
  void run(ScalarKernels kernels, Batch batch, Share share);
}
