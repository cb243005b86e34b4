package dev.vidrio.template.value;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StringsTest {

  /** Applies the definition: every position of the needle. */
  private static int[] reference(String s, String needle) {
    return IntStream.range(0, s.length()).filter(i -> s.startsWith(needle, i)).toArray();
  }

  @Test
  void findsAllOccurrences() {
    Random random = new Random(7);
    for (int round = 0; round < 2000; round++) {
      // Few letters and many repetitions cause overlapping occurrences.
      String unit = letters(random, 1 + random.nextInt(6));
      String s = unit.repeat(1 + random.nextInt(20)) + letters(random, random.nextInt(8));
      int start = random.nextInt(s.length());
      String needle = s.substring(start, start + 1 + random.nextInt(s.length() - start));
      assertArrayEquals(reference(s, needle), Strings.occurrences(s, needle), s + " " + needle);
      String other = needle + letters(random, 1);
      assertArrayEquals(reference(s, other), Strings.occurrences(s, other), s + " " + other);
    }
  }

  private static String letters(Random random, int count) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < count; i++) {
      out.append((char) ('a' + random.nextInt(2)));
    }
    return out.toString();
  }
}
