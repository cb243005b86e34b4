package dev.vidrio.model.block;

import dev.vidrio.kernel.op.Buffer;

/** A part of a layer: operations from one activation to another. */
@FunctionalInterface
public interface Sublayer {

  /**
   * Writes the operations.
   *
   * @param hook name of the last activation
   * @param x input
   */
  Buffer write(String hook, Buffer x);

  /**
   * Returns this sublayer followed by another.
   *
   * @param suffix suffix of the name of the activation between them
   */
  default Sublayer then(String suffix, Sublayer next) {
    return (hook, x) -> next.write(hook, write(hook + "." + suffix, x));
  }
}
