package dev.vidrio.model.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tests that text passes up to the first stop string, however it is split. */
class StopFilterTest {

  @ParameterizedTest
  @CsvSource({
    "aXYb, a",
    "aXb, aXb",
    "XY, ''",
    "aXXYb, aX",
    "abXZY, abXZY",
    "a###b, a",
    "a##b, a##b",
    "a##, a##",
    "aX###, aX",
    "ababac, ab",
    "abab, abab",
  })
  void passesTextUpToTheFirstStop(String text, String expected) {
    for (int size = 1; size <= text.length(); size++) {
      var stop = new StopFilter(List.of("XY", "###", "abac"));
      var passed = new StringBuilder();
      for (int i = 0; i < text.length(); i += size) {
        passed.append(stop.accept(text.substring(i, Math.min(text.length(), i + size))));
      }
      passed.append(stop.finish());
      assertEquals(expected, passed.toString(), "pieces of " + size);
    }
  }

  /** In quadratic time, this would take minutes. */
  @Test
  void findsLongStopStrings() {
    String begun = "a".repeat(500_000);
    var filter = new StopFilter(List.of(begun + "b", "aab"));
    for (int i = 0; i < 600_000; i++) {
      assertEquals(i < 500_000 ? "" : "a", filter.accept("a"));
    }
    assertEquals("", filter.accept("b"));
    assertTrue(filter.isFound());
  }
}
