package dev.vidrio.kernel;

/**
 * How memory is divided among the NUMA nodes of an executor's workers.
 *
 * @see Executor#place
 * @see "docs/adr/031-placement.md"
 */
public enum Placement {
  /**
   * In order, each node's part in proportion to its workers: for a packed matrix, where a worker
   * reads its own outputs.
   */
  SLICES,

  /** Page by page in turn: for memory that the workers of all nodes read. */
  INTERLEAVED;

  /**
   * Maximum number of slices of all experts' matrices: half of the mappings that Linux allows a
   * process ({@code vm.max_map_count}).
   */
  private static final long EXPERT_SLICES = 1 << 15;

  /**
   * Returns how the matrices of experts are placed: in slices, unless there were too many of them.
   *
   * @param matrices the number of experts' matrices of a model
   * @param nodes the number of NUMA nodes
   */
  public static Placement ofExperts(long matrices, int nodes) {
    return matrices * nodes <= EXPERT_SLICES ? SLICES : INTERLEAVED;
  }
}
