package dev.vidrio.engine.draft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.sequence.TokenSequence;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class NgramIndexTest {
  private static TokenSequence sequence(int... tokens) {
    return new TokenSequence(GenerationRequest.builder(tokens).build());
  }

  @Test
  void findsLongestOccurrence() {
    NgramIndex index = new NgramIndex();
    TokenSequence tokens = sequence(1, 2, 3, 4, 9, 8, 3, 4, 7, 7, 4, 5, 2, 3, 4);
    index.find(tokens);
    assertEquals(3, index.length());
    assertArrayEquals(new int[] {9, 8, 3}, index.following(tokens, 3));
  }

  @Test
  void findsMostRecentOfEqualLength() {
    NgramIndex index = new NgramIndex();
    TokenSequence tokens = sequence(5, 6, 1, 5, 6, 2, 9, 6);
    index.find(tokens);
    assertEquals(1, index.length());
    assertArrayEquals(new int[] {2, 9}, index.following(tokens, 2));
  }

  @Test
  void findsNothingForNewToken() {
    NgramIndex index = new NgramIndex();
    index.find(sequence(1, 2, 3));
    assertEquals(0, index.length());
    index.find(sequence(1));
    assertEquals(0, index.length());
  }

  @Test
  void repetitionsContinueBeyondTheEnd() {
    NgramIndex index = new NgramIndex();
    TokenSequence tokens = sequence(1, 2, 3, 1, 2, 3, 1);
    index.find(tokens);
    assertArrayEquals(new int[] {2, 3, 1, 2, 3, 1, 2}, index.following(tokens, 7));
  }

  /** Compares with a search of all positions, while tokens are appended. */
  @Test
  void equalsSearchOfAllPositions() {
    for (int seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      int kinds = 2 + seed % 7;
      TokenSequence tokens = sequence(random.ints(3, 0, kinds).toArray());
      NgramIndex index = new NgramIndex();
      // With at most 64 positions per token, all are compared.
      while (tokens.length() < 64) {
        index.find(tokens);
        int best =
            IntStream.range(1, tokens.length()).map(end -> common(tokens, end)).max().orElse(0);
        assertEquals(best, index.length());
        if (best > 0) {
          int newest =
              IntStream.range(1, tokens.length())
                  .filter(end -> common(tokens, end) == best)
                  .max()
                  .orElseThrow();
          assertEquals(tokens.token(newest), index.following(tokens, 1)[0]);
        }
        tokens.append(random.nextInt(kinds));
      }
    }
  }

  private static int common(TokenSequence tokens, int end) {
    int common = 0;
    while (common < Math.min(end, NgramIndex.MAX_LENGTH)
        && tokens.token(end - 1 - common) == tokens.token(tokens.length() - 1 - common)) {
      common++;
    }
    return common;
  }

  /** Frequent tokens do not hide an occurrence far back. */
  @Test
  void findsLongOccurrenceInLongSequence() {
    Random random = new Random(1);
    int[] text = random.ints(20_000, 0, 50).toArray();
    for (int i = 0; i < 6; i++) {
      text[text.length - 6 + i] = text[100 + i] = 1000 + i;
    }
    TokenSequence tokens = sequence(text);
    NgramIndex index = new NgramIndex();
    index.find(tokens);
    assertTrue(index.length() >= 6);
    assertArrayEquals(new int[] {text[106], text[107], text[108]}, index.following(tokens, 3));
  }
}
