package dev.vidrio.model.sampling;

/**
 * A request's random number generator: SplitMix64 (Steele, Lea and Flood 2014,
 * doi:10.1145/2660193.2660195). Implemented here so that the same seed gives the same text in every
 * version.
 */
public final class SplitMix64 {
  private long state;

  /** The numbers that belong to a seed. */
  public SplitMix64(long seed) {
    this.state = seed;
  }

  /** 64 random bits. */
  public long next() {
    state += 0x9e3779b97f4a7c15L;
    long z = state;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  /** A multiple of 2⁻⁵³ from 0 to 1 exclusive: the upper 53 bits of the next number. */
  public double nextDouble() {
    return (next() >>> 11) * 0x1p-53;
  }
}
