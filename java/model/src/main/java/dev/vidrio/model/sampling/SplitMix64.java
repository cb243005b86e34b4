package dev.vidrio.model.sampling;

/**
 * The random number generator of samplers: SplitMix64 (Steele, Lea and Flood 2014,
 * doi:10.1145/2660193.2660195). It is implemented here so that a seed gives the same text in every
 * version. Not thread-safe.
 */
public final class SplitMix64 {
  private long state;

  /** Creates a generator with a seed. */
  public SplitMix64(long seed) {
    this.state = seed;
  }

  /** Returns 64 random bits. */
  public long next() {
    state += 0x9e3779b97f4a7c15L;
    long z = state;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** Returns a multiple of 2⁻⁵³ in [0, 1): the upper 53 bits of the next number. */
  public double nextDouble() {
    return (next() >>> 11) * 0x1p-53;
  }
}
