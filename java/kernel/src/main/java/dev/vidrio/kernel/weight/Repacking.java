package dev.vidrio.kernel.weight;

/**
 * When quantized matrices are packed into memory of their own. The bits of results do not depend on
 * it.
 */
public enum Repacking {
  /** While the model is opened: every step is fast. */
  AT_ONCE,

  /**
   * After the first step of a plan that uses them, or when something else reads them: the first
   * token comes sooner by the time of packing, and a command of one step never packs. Executors
   * that cannot multiply the rows of a file pack at once. Products never pack if there is not
   * enough memory when the model is opened.
   */
  DEFERRED,

  /**
   * Never: matrices stay in the mapped file, and each product packs them into scratch memory. The
   * model shares its memory with other processes, but generates about seven times slower.
   */
  NEVER
}
