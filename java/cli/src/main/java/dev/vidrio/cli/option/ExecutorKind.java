package dev.vidrio.cli.option;

/** The kinds of executors. */
enum ExecutorKind {
  /** The native kernels. */
  NATIVE,
  /** Java kernels with the Vector API. */
  VECTOR,
  /** Scalar Java kernels, the reference. */
  SCALAR
}
