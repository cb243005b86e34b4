package dev.vidrio.grammar.program;

import dev.vidrio.grammar.expression.CodePoints;
import java.util.ArrayList;
import java.util.List;

/**
 * Encodes a set of code points as sequences of UTF-8 byte ranges. Each sequence matches any
 * combination of bytes in its ranges (after Ken Thompson's grep; Cox, Regular Expression Matching
 * in the Wild, 2010).
 */
final class Utf8Ranges {

  /** The largest code point of each encoded length. */
  private static final int[] LARGEST = {0x7F, 0x7FF, 0xFFFF, Character.MAX_CODE_POINT};

  private Utf8Ranges() {}

  static List<List<ByteSet>> of(CodePoints set) {
    List<List<ByteSet>> sequences = new ArrayList<>();
    for (CodePoints.Range range : set.ranges()) {
      int first = range.first();
      for (int length = 1; length <= LARGEST.length; length++) {
        int last = Math.min(range.last(), LARGEST[length - 1]);
        if (first <= last) {
          split(first, last, length, sequences);
          first = last + 1;
        }
      }
    }
    return sequences;
  }

  /** Splits a range of one encoded length until its bytes vary independently. */
  private static void split(int first, int last, int length, List<List<ByteSet>> sequences) {
    for (int i = 1; i < length; i++) {
      int low = (1 << (6 * i)) - 1;
      if ((first & ~low) != (last & ~low)) {
        if ((first & low) != 0) {
          split(first, first | low, length, sequences);
          split((first | low) + 1, last, length, sequences);
          return;
        }
        if ((last & low) != low) {
          split(first, (last & ~low) - 1, length, sequences);
          split(last & ~low, last, length, sequences);
          return;
        }
      }
    }
    List<ByteSet> sequence = new ArrayList<>(length);
    for (int i = length - 1; i >= 0; i--) {
      int lead = i < length - 1 ? 0x80 : length == 1 ? 0 : 0xFF00 >> length & 0xFF;
      int mask = i < length - 1 ? 0x3F : 0x7F;
      sequence.add(
          ByteSet.range(lead | (first >> (6 * i) & mask), lead | (last >> (6 * i) & mask)));
    }
    sequences.add(sequence);
  }
}
