package dev.vidrio.kernel.execution;

/**
 * The division of the matrix products of a step among workers, in bytes of weights. Products of
 * experts are not counted.
 *
 * @param workers the number of workers
 * @param bytes bytes of all products
 * @param longest bytes of the worker with the most between two barriers, summed over the step
 * @param remote bytes that workers read from the memory of other NUMA nodes
 * @param inputs bytes of activations, the inputs of products, that nodes read from each other, at
 *     most
 * @param barriers barriers of the step
 * @see "docs/adr/029-partition.md"
 * @see "docs/adr/031-placement.md"
 */
public record StepBalance(
    int workers, double bytes, double longest, double remote, double inputs, int barriers) {
  /**
   * Returns the ceiling of the workers' efficiency: the share of their time in which they do not
   * wait for each other, if all read weights equally fast. 1 without products.
   */
  public double efficiency() {
    return longest == 0 ? 1 : bytes / (workers * longest);
  }
}
