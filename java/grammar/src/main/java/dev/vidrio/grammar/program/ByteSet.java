package dev.vidrio.grammar.program;

/** A set of bytes as a 256-bit mask. */
public record ByteSet(long a, long b, long c, long d) {

  static final ByteSet NONE = new ByteSet(0, 0, 0, 0);

  static ByteSet range(int first, int last) {
    return new ByteSet(
        word(first, last, 0),
        word(first, last, 64),
        word(first, last, 128),
        word(first, last, 192));
  }

  private static long word(int first, int last, int base) {
    int from = Math.max(first - base, 0);
    int to = Math.min(last - base, 63);
    return from > to ? 0 : (-1L >>> (63 - to + from)) << from;
  }

  ByteSet union(ByteSet other) {
    return new ByteSet(a | other.a, b | other.b, c | other.c, d | other.d);
  }

  int size() {
    return Long.bitCount(a) + Long.bitCount(b) + Long.bitCount(c) + Long.bitCount(d);
  }

  /** Returns whether a byte, 0 to 255, is in the set. */
  public boolean contains(int value) {
    long word =
        switch (value >> 6) {
          case 0 -> a;
          case 1 -> b;
          case 2 -> c;
          default -> d;
        };
    return (word >>> value & 1) != 0;
  }
}
