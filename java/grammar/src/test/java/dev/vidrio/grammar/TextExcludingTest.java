package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.TextExcluding;
import dev.vidrio.grammar.program.ProgramBuilder;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Compares with {@code String.contains} for all texts up to a length. */
class TextExcludingTest {
  private static final List<String> WORDS = List.of("ab", "bab", "aac", "cc");

  /** Returns all texts of up to {@code length} letters. */
  private static Stream<String> texts(int length) {
    return length == 0
        ? Stream.of("")
        : Stream.concat(
            Stream.of(""),
            texts(length - 1).flatMap(text -> Stream.of("a", "b", "c", "d").map(text::concat)));
  }

  private static boolean matches(Pushdown pushdown, String text) {
    Pushdown.State state = pushdown.start();
    for (int i = 0; i < text.length(); i++) {
      pushdown.allowWork();
      state = pushdown.next(state, text.charAt(i));
    }
    return state.accepting;
  }

  @Test
  void excludesWords() {
    var rules = new Rules("text");
    int root = rules.declare("");
    var without = new TextExcluding(rules, WORDS);
    rules.define(root, without.beginningWith(CodePoints.anyOf("acd")));
    var pushdown = new Pushdown(ProgramBuilder.build(rules));
    for (String text : texts(6).toList()) {
      boolean expected =
          !text.isEmpty() && !text.startsWith("b") && WORDS.stream().noneMatch(text::contains);
      assertEquals(expected, matches(pushdown, text), text);
    }
  }
}
