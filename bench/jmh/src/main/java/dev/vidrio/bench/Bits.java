package dev.vidrio.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;

/** Compares results bit for bit. */
final class Bits {
  private Bits() {}

  /**
   * Checks that two arrays of f32 have equal bits.
   *
   * @param what name of the second array, for errors
   * @throws IllegalStateException if an element differs; the message names the first one
   */
  static void requireSame(MemorySegment expected, MemorySegment actual, String what) {
    long offset = expected.mismatch(actual);
    if (offset < 0) {
      return;
    }
    long i = offset / Float.BYTES;
    if (expected.byteSize() != actual.byteSize()) {
      throw new IllegalStateException(
          what + " has " + actual.byteSize() + " bytes, not " + expected.byteSize());
    }
    throw new IllegalStateException(
        what
            + " differs from the scalar executor at element "
            + i
            + ": "
            + Float.toHexString(actual.getAtIndex(JAVA_FLOAT, i))
            + ", not "
            + Float.toHexString(expected.getAtIndex(JAVA_FLOAT, i)));
  }
}
