package dev.vidrio.grammar.expression;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Execution(ExecutionMode.CONCURRENT)
class RegexReaderTest {

  private static final List<String> ATOMS =
      List.of(
          "a",
          "b",
          "é",
          "𝄞",
          ".",
          "\\d",
          "\\w",
          "[ab]",
          "[^a]",
          "[a-cé-ü]",
          "\\.",
          "\\x61",
          "\\u00e9",
          "\\n",
          "[^\\w]",
          "\\p{L}",
          "\\P{Lu}",
          "[\\d.-]",
          "[-a]");
  private static final List<String> REPETITIONS =
      List.of("*", "+", "?", "*?", "{2}", "{1,}", "{0,2}", "{1,3}?");
  private static final String LETTERS = "aabbcé𝄞0.\nA-";

  /**
   * Returns a random expression without nested repetitions, on which Java would backtrack too long.
   */
  private static String random(SplittableRandom random, int depth, boolean repeated) {
    return switch (random.nextInt(depth == 0 ? 1 : repeated ? 5 : 6)) {
      case 0, 1 -> ATOMS.get(random.nextInt(ATOMS.size()));
      case 2 ->
          "("
              + random(random, depth - 1, repeated)
              + "|"
              + random(random, depth - 1, repeated)
              + ")";
      case 3 -> random(random, depth - 1, repeated) + random(random, depth - 1, repeated);
      case 4 -> "(" + (random.nextBoolean() ? "" : random(random, depth - 1, repeated)) + ")";
      default ->
          "(?:"
              + random(random, depth - 1, true)
              + ")"
              + REPETITIONS.get(random.nextInt(REPETITIONS.size()));
    };
  }

  private static String randomText(SplittableRandom random) {
    int[] letters = LETTERS.codePoints().toArray();
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(6); i > 0; i--) {
      text.appendCodePoint(letters[random.nextInt(letters.length)]);
    }
    return text.toString();
  }

  @RepeatedTest(1000)
  void matchesLikeJava(RepetitionInfo repetition) {
    SplittableRandom random = new SplittableRandom(repetition.getCurrentRepetition());
    String regex = random(random, 4, false);
    Grammar grammar = Grammar.regex(regex);
    Pattern pattern = Pattern.compile(regex);
    for (int i = 0; i < 100; i++) {
      String text = randomText(random);
      assertEquals(pattern.matcher(text).matches(), grammar.matches(text), regex + " on " + text);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "^ab$, ab",
    "^a|b$, a",
    "^(?:a|b)$, b",
    "(?<year>[0-9]{4}), 2026",
    "a\\/b, a/b",
    "\\u{1F600}, 😀",
    "\\ud83d\\ude00, 😀",
    "[\\ud83d\\ude00-\\u{1F610}], 😅",
    "[a\\-z], -",
    "\\p{Script=Greek}+, αβγ",
    "\\p{Letter}\\p{Lowercase_Letter}, Éé",
    "\\p{gc=Decimal_Number}\\p{digit}, ٣3",
    "\\p{General_Category=Lu}, Ä",
    "[\\p{Alpha}\\p{White_Space}]+, é ü",
    "\\cA, '\u0001'",
    "[\\cj\\x20]{2}, '\n '",
    "[[], [",
    "(a*)*, aaa",
    "(a|a)*b, aaab",
  })
  void accepts(String regex, String text) {
    assertTrue(Grammar.regex(regex).matches(text));
    assertFalse(Grammar.regex(regex).matches(text + "!"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(?=a)b",
        "(?!a)b",
        "(?<=a)b",
        "(?<!a)b",
        "(a)\\1",
        "\\k<n>",
        "\\bword",
        "(?i)a",
        "(?i:a)",
        "a++",
        "a**",
        "*a",
        "a{",
        "a{2",
        "a{3,2}",
        "a{x}",
        "(",
        ")",
        "(a",
        "a)",
        "[",
        "[a",
        "[z-a]",
        "[a-\\d]",
        "\\",
        "\\q",
        "\\p{Nope}",
        "\\p{",
        "a^b",
        "(^a)",
        "a$b",
        "(a$)",
        "\\ud800",
        "\\c1",
        "\\c",
        "\\p{Letters}",
        "\\u{}",
        "\\u{110000}",
        "[]",
        "a{10001}",
        "\\xZZ"
      })
  void rejects(String regex) {
    InvalidInputException e = assertThrows(InvalidInputException.class, () -> Grammar.regex(regex));
    assertTrue(e.getMessage().startsWith("regular expression"), e.getMessage());
  }
}
