package dev.vidrio.grammar.expression;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EbnfReaderTest {

  private static void check(String grammar, List<String> in, List<String> out) {
    Grammar read = Grammar.ebnf(grammar);
    in.forEach(text -> assertTrue(read.matches(text), text));
    out.forEach(text -> assertFalse(read.matches(text), text));
  }

  @Test
  void parsesArithmetic() {
    check(
        """
        root ::= (expr "=" term "\\n")+
        expr ::= term ([-+*/] term)*
        term ::= number | "(" expr ")"   # nested to any depth
        number ::= [0-9]+
        """,
        List.of("42=1\n", "1+2*3=7\n1=1\n", "((1)+(2-(3)))=(0)\n"),
        List.of("", "1=1", "1+=2\n", "(1=1\n", "1))=1\n", "a=1\n"));
  }

  @Test
  void parsesLiteralsAndEscapes() {
    check(
        "root ::= \"a\\x62\\u00e9\\U0001F600\\\"\\\\\\n\" \"\" [\\]\\-^]",
        List.of("abé😀\"\\\n]", "abé😀\"\\\n-", "abé😀\"\\\n^"),
        List.of("abé😀\"\\\n", "abé😀\"\\\na"));
  }

  @Test
  void parsesCharacterClasses() {
    check("root ::= [^a-z\\n]", List.of("A", "é", "😀", "-"), List.of("a", "z", "\n", "", "AA"));
    check("root ::= [a-]", List.of("a", "-"), List.of("b"));
    check("root ::= .", List.of("a", "\n", "😀"), List.of("", "ab"));
    check("root ::= [ぁ-ゟ]+", List.of("ひらがな"), List.of("カ", "hi"));
  }

  @Test
  void parsesRepetitions() {
    check("root ::= \"ab\"*", List.of("", "ab", "abab"), List.of("a", "aba", "abb"));
    check("root ::= \"a\"+", List.of("a", "aaa"), List.of("", "b"));
    check("root ::= \"a\"?", List.of("", "a"), List.of("aa"));
    check("root ::= \"a\"{2}", List.of("aa"), List.of("a", "aaa"));
    check("root ::= \"a\"{2,}", List.of("aa", "aaaaa"), List.of("a"));
    check("root ::= \"a\"{ 1 , 3 }", List.of("a", "aaa"), List.of("", "aaaa"));
    check("root ::= (\"a\" | \"b\" \"c\"){2}", List.of("aa", "abc", "bcbc"), List.of("a", "bb"));
    check("root ::= \"a\"{2}{2}", List.of("aaaa"), List.of("aa", "aaa"));
  }

  @Test
  void parsesLinesAndComments() {
    check(
        """
        # a comment
        root ::= (
          "a"   # within parentheses a rule goes on
          "b"
        ) |
          other-1

        other-1 ::=
          "c" | # or nothing

        """,
        List.of("ab", "c", ""),
        List.of("a", "abc"));
    check("root ::= \"a\"\r\nother ::= \"b\"\r\n", List.of("a"), List.of("b"));
  }

  @Test
  void parsesRecursion() {
    check("root ::= \"(\" root* \")\"", List.of("()", "(()(()))"), List.of("", "(", "())", "()()"));
    check(
        "root ::= \"a\" root \"a\" | \"b\" root \"b\" | \"c\"",
        List.of("c", "abcba", "aabbcbbaa"),
        List.of("abcab", "ab", "acb"));
    check("root ::= \"a\" root | \"b\"", List.of("b", "a".repeat(20_000) + "b"), List.of("a"));
    check(
        "root ::= \"x\" | \"a\" root \"b\"",
        List.of("x", "a".repeat(5000) + "x" + "b".repeat(5000)),
        List.of("axbb"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "root",
        "root = \"a\"",
        "start ::= \"a\"",
        "root ::= other",
        "root ::= \"a",
        "root ::= [a",
        "root ::= []",
        "root ::= [^]",
        "root ::= [b-a]",
        "root ::= \"\\q\"",
        "root ::= \"\\ud800\"",
        "root ::= \"\\U00110000\"",
        "root ::= *",
        "root ::= \"a\"{",
        "root ::= \"a\"{3,2}",
        "root ::= \"a\"{99999}",
        "root ::= (\"a\"",
        "root ::= \"a\")",
        "root ::= <think>",
        "root ::= !<[1]>",
        "root ::= \"a\" \"b\" ]",
        "root ::= \"a\"\nroot ::= \"b\"",
        "root ::= root",
        "root ::= root \"a\" | \"a\"",
        "root ::= a\na ::= b?  root\nb ::= \"x\"",
        "root ::= \"x\" root",
        "::= \"a\""
      })
  void rejects(String grammar) {
    InvalidInputException e =
        assertThrows(InvalidInputException.class, () -> Grammar.ebnf(grammar));
    assertTrue(e.getMessage().startsWith("EBNF grammar"), e.getMessage());
  }
}
