package dev.vidrio.model.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.lang.foreign.Arena;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class CandidatesTest {
  private static final int VOCABULARY = 200;

  private static List<Integer> sorted(float[] logits) {
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted(
            Comparator.comparingDouble((Integer id) -> -logits[id])
                .thenComparing(Comparator.naturalOrder()))
        .toList();
  }

  /** Compares with a sort of the whole row, whether or not the candidates suffice. */
  @Test
  void mostLikelyEqualsSortedRow() {
    var random = new Random(1);
    for (int round = 0; round < 50; round++) {
      var logits = new float[VOCABULARY];
      for (int i = 0; i < VOCABULARY; i++) {
        // Many values are equal.
        logits[i] = random.nextInt(20) - 10;
      }
      List<Integer> order = sorted(logits);
      long @Nullable [] allowed = null;
      if (round % 3 > 0) {
        allowed = new long[4];
        for (int i = 0; i < (round % 3 == 1 ? 150 : 20); i++) {
          int id = random.nextInt(VOCABULARY);
          allowed[id >> 6] |= 1L << id;
        }
      }
      long @Nullable [] mask = allowed;
      for (int n : new int[] {1, 5, 40, VOCABULARY, 2 * VOCABULARY}) {
        int[] expected =
            order.stream()
                .mapToInt(id -> id)
                .filter(id -> mask == null || (mask[id >> 6] >>> id & 1) != 0)
                .limit(n)
                .toArray();
        for (int k : new int[] {1, 16, VOCABULARY}) {
          assertArrayEquals(
              expected,
              candidates(order, k)
                  .mostLikely(n, Arena.ofAuto().allocateFrom(JAVA_FLOAT, logits), mask));
        }
      }
    }
  }

  private static Candidates candidates(List<Integer> order, int k) {
    int[] ids = order.stream().limit(k).mapToInt(id -> id).toArray();
    Arena arena = Arena.ofAuto();
    return new Candidates(
        arena.allocateFrom(JAVA_INT, ids), arena.allocate(JAVA_FLOAT, k), Float.NaN, Float.NaN);
  }
}
