package dev.vidrio.lens.decode.sae.index;

import dev.vidrio.model.sampling.SplitMix64;

/**
 * Pseudorandom numbers of tokens. The tokens with the smallest numbers are a uniform sample that
 * depends neither on the order nor on the number of tokens.
 */
final class Priority {
  private Priority() {}

  /** Returns the number of an item that several keys identify. */
  static long of(long seed, long first, long second, long third) {
    long mixed = new SplitMix64(seed).next();
    mixed = new SplitMix64(mixed ^ first).next();
    mixed = new SplitMix64(mixed ^ second).next();
    return new SplitMix64(mixed ^ third).next();
  }
}
