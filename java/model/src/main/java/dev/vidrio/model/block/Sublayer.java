package dev.vidrio.model.block;

import dev.vidrio.kernel.op.Buffer;

/** A run of operations from one activation to another. */
@FunctionalInterface
public interface Sublayer {

  /**
   * Writes the operations down.
   *
   * @param hook name of the activation that the last of them makes
   */
  Buffer write(String hook, Buffer x);

  /**
   * This, then another.
   *
   * @param suffix what the activation between them has after the name of the last
   */
  default Sublayer then(String suffix, Sublayer next) {
    return (hook, x) -> next.write(hook, write(hook + "." + suffix, x));
  }
}
