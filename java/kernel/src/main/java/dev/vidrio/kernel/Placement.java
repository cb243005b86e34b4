package dev.vidrio.kernel;

/**
 * How memory is divided among the NUMA nodes of an executor's workers.
 *
 * @see Executor#place
 * @see "docs/adr/031-placement.md"
 */
public enum Placement {
  /**
   * In order, each node's part in proportion to its workers: for a packed matrix, of which a worker
   * reads its own outputs.
   */
  SLICES,

  /** Page by page in turn: for memory that the workers of all nodes read. */
  INTERLEAVED
}
