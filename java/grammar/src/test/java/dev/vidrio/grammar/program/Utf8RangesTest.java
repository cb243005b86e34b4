package dev.vidrio.grammar.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.grammar.expression.CodePoints;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

class Utf8RangesTest {

  private static boolean matches(List<List<ByteSet>> sequences, byte[] bytes) {
    return sequences.stream()
        .anyMatch(
            sequence -> {
              boolean all = sequence.size() == bytes.length;
              for (int i = 0; i < bytes.length && all; i++) {
                all = sequence.get(i).contains(Byte.toUnsignedInt(bytes[i]));
              }
              return all;
            });
  }

  @RepeatedTest(5)
  void matchesUtf8(RepetitionInfo repetition) {
    SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
    CodePoints set = CodePoints.NONE;
    for (int i = random.nextInt(4); i >= 0; i--) {
      int first = random.nextInt(0x110000 >> (4 * random.nextInt(4)));
      int last = Math.min(first + random.nextInt(0x1000), Character.MAX_CODE_POINT);
      set = CodePoints.union(set, CodePoints.range(first, last));
    }
    List<List<ByteSet>> sequences = Utf8Ranges.of(set);
    for (CodePoints.Range range : CodePoints.ALL.ranges()) {
      for (int c = range.first(); c <= range.last(); c++) {
        byte[] bytes = Character.toString(c).getBytes(UTF_8);
        assertEquals(set.contains(c), matches(sequences, bytes));
      }
    }
    for (int i = 0; i < 100_000; i++) {
      byte[] bytes = new byte[1 + random.nextInt(4)];
      random.nextBytes(bytes);
      boolean wellFormed = new String(bytes, UTF_8).indexOf('\uFFFD') < 0;
      if (!wellFormed) {
        assertEquals(false, matches(sequences, bytes));
      }
    }
  }
}
