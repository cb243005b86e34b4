package dev.vidrio.tokenizer.vocabulary;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SpellingIndexTest {
  private static final String LETTERS = "abĠ東";

  private static String random(Random random, int max) {
    int length = random.nextInt(max + 1);
    var text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
    }
    return text.toString();
  }

  @Test
  void findsSpellingsAndTheirParts() {
    var random = new Random(1);
    List<String> tokens = Stream.generate(() -> random(random, 5)).limit(600).toList();
    var index = new SpellingIndex(tokens);
    Map<String, Integer> expected = new HashMap<>();
    for (int id = 0; id < tokens.size(); id++) {
      Integer earlier = expected.putIfAbsent(tokens.get(id), id);
      assertEquals(earlier == null ? SpellingIndex.ABSENT : earlier, index.add(id));
    }
    for (int i = 0; i < 5000; i++) {
      String text = random(random, 9);
      assertEquals(expected.getOrDefault(text, SpellingIndex.ABSENT), index.get(text));
      int from = random.nextInt(text.length() + 1);
      int to = from + random.nextInt(text.length() - from + 1);
      assertEquals(
          expected.getOrDefault(text.substring(from, to), SpellingIndex.ABSENT),
          index.get(text, from, to));
      String merge = text.substring(0, from) + ' ' + text.substring(from);
      assertEquals(
          expected.getOrDefault(text, SpellingIndex.ABSENT), index.getWithout(merge, from));
    }
  }

  @Test
  void findsNothingWithoutTokens() {
    var index = new SpellingIndex(List.of());
    assertFalse(index.contains("a"));
    assertFalse(index.contains(""));
  }

  @Test
  void findsTheEmptySpellingIfAdded() {
    var index = new SpellingIndex(List.of(""));
    assertEquals(SpellingIndex.ABSENT, index.add(0));
    assertTrue(index.contains(""));
  }
}
