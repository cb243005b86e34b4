package dev.vidrio.kernel.ffm;

/**
 * The reason why an executor's packed weights are, or are not, on the NUMA nodes of the workers
 * that read them.
 *
 * @see "docs/adr/031-placement.md"
 */
public enum WeightPlacement {
  /** All workers are on one node. */
  ONE_NODE("not needed: all workers are on one node"),

  /** Workers may run on any node, so that no memory is near to them. */
  UNPINNED("none: workers are not pinned"),

  /** The operating system does not place memory, or not for this process. */
  REFUSED("none: the system does not place memory for this process"),

  /** Each node has the weights that its workers read. */
  BY_NODE("weights on the nodes of the workers that read them");

  private final String text;

  WeightPlacement(String text) {
    this.text = text;
  }

  /** Returns a description for display. */
  @Override
  public String toString() {
    return text;
  }
}
