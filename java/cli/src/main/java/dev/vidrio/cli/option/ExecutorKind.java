package dev.vidrio.cli.option;

/** What runs the plan. */
enum ExecutorKind {
  /** Native kernels. */
  NATIVE,
  /** Java with the Vector API. */
  VECTOR,
  /** Plain Java, the readable definition. */
  SCALAR
}
