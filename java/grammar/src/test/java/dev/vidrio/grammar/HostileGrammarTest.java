package dev.vidrio.grammar;

import static java.util.stream.Collectors.joining;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Every source terminates soon: with a grammar, or with an error that names the fault. */
@Tag("long")
class HostileGrammarTest {

  /** Detects a hang. Each source takes at most seconds on an idle machine. */
  private static final Duration SOON = Duration.ofMinutes(5);

  private static String rejection(Supplier<Grammar> grammar) {
    return assertTimeoutPreemptively(
        SOON, () -> assertThrows(InvalidInputException.class, () -> grammar.get()).getMessage());
  }

  private static void soon(Executable executable) {
    assertTimeoutPreemptively(SOON, executable);
  }

  @Test
  void limitsCombinationsOfAlternatives() {
    String dependencies =
        IntStream.range(0, 60).mapToObj(i -> "\"p" + i + "\":[\"a\"]").collect(joining(","));
    assertTrue(
        rejection(() -> Grammar.jsonSchema("{\"dependentRequired\":{" + dependencies + "}}"))
            .contains("requirements in all"));
    String references =
        IntStream.range(0, 40)
            .mapToObj(
                i -> "\"d%1$d\":{\"anyOf\":[@,@]}".formatted(i).replace("@", reference(i + 1)))
            .collect(joining(","));
    String schema =
        "{\"const\":1,\"allOf\":[%s],\"$defs\":{%s,\"d40\":{\"const\":2}}}"
            .formatted(reference(0), references);
    assertTrue(rejection(() -> Grammar.jsonSchema(schema)).contains("steps to check its values"));
  }

  private static String reference(int number) {
    return "{\"$ref\":\"#/$defs/d" + number + "\"}";
  }

  /** A tree of prefixes that is deeper than a stack. */
  @Test
  void limitsPrefixesOfPrefixes() {
    List<String> words = IntStream.rangeClosed(1, 1400).mapToObj("a"::repeat).toList();
    assertTrue(rejection(() -> Grammar.choice(words)).contains("200000 instructions"));
    soon(() -> assertTrue(Grammar.choice(words.subList(0, 400)).matches("a".repeat(399))));
  }

  @Test
  void limitsRepetitionsOfOneElement() {
    assertTrue(
        rejection(() -> Grammar.ebnf("root ::= \"a\"" + "{0,3}".repeat(100_000)))
            .contains("more than 4 repetitions"));
  }

  @Test
  void limitsRegexes() {
    assertEquals(
        "regular expression 10000000 characters: must be at most 1048576",
        rejection(() -> Grammar.regex("a".repeat(10_000_000))));
    assertTrue(
        rejection(() -> Grammar.regex("a".repeat(1_000_000))).contains("200000 instructions"));
    assertTrue(
        rejection(() -> Grammar.regex("(((a{30}){30}){30}){30}")).contains("200000 instructions"));
    assertTrue(rejection(() -> Grammar.regex("((((){30}){30}){30}){30}{9}")).contains("doubled"));
    assertTrue(rejection(() -> Grammar.regex("(((((){30}){30}){30}){30}){30}")).contains("parts"));
    soon(() -> assertFalse(Grammar.regex("(a{1000}){1000}").matches("a".repeat(9999))));
    soon(() -> assertTrue(Grammar.regex("((((a?){1000}){1000}){1000}){1000}").matches("aaa")));
    assertTrue(rejection(() -> Grammar.regex("(".repeat(100_000))).contains("100 nested groups"));
    assertTrue(rejection(() -> Grammar.regex("[a".repeat(100_000))).contains("an unexpected end"));
    soon(() -> assertTrue(Grammar.regex("|".repeat(300_000)).matches("")));
    assertTrue(rejection(() -> Grammar.regex("a{99999999999}")).contains("above 10000"));
  }

  /** Expressions on which backtracking matchers do not terminate. */
  @Test
  void matchesCatastrophicRegexesInLinearTime() {
    String text = "a".repeat(20_000);
    for (String regex : List.of("(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "(a*)*(a*)*(a*)*b")) {
      soon(
          () -> {
            assertEquals(false, Grammar.regex(regex).matches(text));
            assertEquals(true, Grammar.regex(regex).matches(text + "b"));
          });
    }
    soon(
        () ->
            assertTrue(Grammar.regex("a?".repeat(500) + "a".repeat(500)).matches("a".repeat(600))));
    soon(() -> assertTrue(Grammar.regex("(a|b)*a(a|b){500}").matches("a".repeat(600))));
    soon(() -> assertTrue(Grammar.regex("\\p{L}{1,5000}").matches("é".repeat(4000))));
  }

  /** The largest list of words that a request may have, with a long common prefix. */
  @Test
  @Tag("long")
  void limitsLongLists() {
    List<String> words = IntStream.range(0, 1 << 14).mapToObj(i -> "word" + i).toList();
    soon(() -> assertListed(Grammar.choice(words), ""));
    soon(() -> assertListed(Grammar.regex(String.join("|", words)), ""));
    String values = words.stream().map(word -> '"' + word + '"').collect(joining(","));
    soon(() -> assertListed(Grammar.jsonSchema("{\"enum\":[" + values + "]}"), "\""));
  }

  private static void assertListed(Grammar grammar, String quote) {
    assertTrue(grammar.matches(quote + "word9999" + quote));
    assertFalse(grammar.matches(quote + "word" + quote));
    assertFalse(grammar.matches(quote + "word16384" + quote));
  }

  @Test
  void limitsGrammars() {
    assertTrue(
        rejection(() -> Grammar.ebnf("root ::= " + "(".repeat(9999))).contains("100 nested"));
    StringBuilder rules = new StringBuilder("root ::= r0\n");
    for (int i = 0; i < 30_000; i++) {
      rules.append("r").append(i).append(" ::= r").append(i + 1).append("\n");
    }
    assertTrue(rejection(() -> Grammar.ebnf(rules.toString())).contains("20000 rules"));
    StringBuilder doubling = new StringBuilder("root ::= r0\n");
    for (int i = 0; i < 40; i++) {
      doubling.append("r" + i + " ::= r" + (i + 1) + " r" + (i + 1) + "\n");
    }
    soon(() -> assertEquals(false, Grammar.ebnf(doubling + "r40 ::= \"a\"").matches("aaa")));
    soon(() -> assertEquals(true, Grammar.ebnf(doubling + "r40 ::= \"a\"?").matches("aaa")));
  }

  private static String nested(String open, String core, String close, int depth) {
    return open.repeat(depth) + core + close.repeat(depth);
  }

  @Test
  @Tag("long")
  void limitsSchemas() {
    assertTrue(rejection(() -> Grammar.jsonSchema("[".repeat(1_000_000))).contains("invalid JSON"));
    assertTrue(rejection(() -> Grammar.jsonSchema("{\"a\":".repeat(500))).contains("invalid JSON"));
    assertTrue(rejection(() -> Grammar.jsonSchema("x".repeat(2_000_000))).contains("1048576"));
    for (String loop :
        List.of(
            "{\"$ref\":\"#\"}",
            "{\"anyOf\":[{\"$ref\":\"#\"}]}",
            "{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":\"null\"}]}",
            "{\"allOf\":[{\"$ref\":\"#\"}]}",
            "{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}",
            "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},"
                + "\"b\":{\"$ref\":\"#/$defs/a\"}}}",
            "{\"type\":\"object\",\"$ref\":\"#\"}")) {
      assertTrue(rejection(() -> Grammar.jsonSchema(loop)).startsWith("JSON schema"), loop);
    }
    assertTrue(
        rejection(
                () ->
                    Grammar.jsonSchema(
                        "{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}"))
            .contains("unsatisfiable"));
    String doubled =
        "{\"properties\":{\"a\":{\"allOf\":[{\"$ref\":\"#\"},{\"properties\":{\"b\":{\"type\":\"null\"}}}]}}}";
    soon(() -> Grammar.jsonSchema(doubled));
    soon(() -> Grammar.jsonSchema(nested("{\"items\":", "{\"type\":\"null\"}", "}", 90)));
    StringBuilder properties = new StringBuilder("{\"properties\":{");
    StringBuilder choices = new StringBuilder("{\"allOf\":[");
    for (int i = 0; i < 1000; i++) {
      properties.append(
          "\"%d\":{\"pattern\":\"(a|b)*a(a|b){3}%d\",\"maxLength\":99},".formatted(i, i));
      choices.append(
          "{\"anyOf\":[{\"required\":[\"%d\"]},{\"minProperties\":%d}]},".formatted(i, i));
    }
    assertTrue(
        rejection(() -> Grammar.jsonSchema(properties + "\"x\":true}}"))
            .contains("states in total"));
    assertTrue(
        rejection(() -> Grammar.jsonSchema(choices + "true]}"))
            .contains("alternatives deeper than"));
    String count = "{\"type\":\"array\",\"items\":%s,\"minItems\":10000,\"maxItems\":10000}";
    String counts = count.formatted(count.formatted(count.formatted("{}")));
    soon(() -> Grammar.jsonSchema(counts));
    assertTrue(
        rejection(() -> Grammar.jsonSchema("{\"minLength\":1e999999999}")).contains("10000"));
    for (String far :
        List.of(
            "{\"maximum\":1e999999999}",
            "{\"maximum\":1e-999999999}",
            "{\"maxLength\":1e999999999}",
            "{\"enum\":[1e999999999],\"not\":{\"multipleOf\":1e-999999999}}")) {
      soon(() -> Grammar.jsonSchema(far));
    }
  }
}
