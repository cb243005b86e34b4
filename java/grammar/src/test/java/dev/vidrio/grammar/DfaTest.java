package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.Dfa;
import dev.vidrio.grammar.expression.Expr;
import dev.vidrio.grammar.expression.RegexReader;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.expression.StateBudget;
import dev.vidrio.grammar.program.ProgramBuilder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Compares automata with explicit sets of texts. */
class DfaTest {

  private static final String FIELD = "automaton";

  private static StateBudget budget() {
    return new StateBudget(FIELD);
  }

  private static final List<String> TEXTS = texts();

  private static List<String> texts() {
    List<String> texts = new ArrayList<>(List.of(""));
    for (int i = 0; texts.get(i).length() < Languages.MAX_LENGTH; i++) {
      texts.add(texts.get(i) + "a");
      texts.add(texts.get(i) + "b");
    }
    return texts;
  }

  private static void check(Set<String> expected, Dfa dfa) {
    for (String text : TEXTS) {
      assertEquals(expected.contains(text), dfa.matches(text), text);
    }
  }

  @Test
  void combinesLikeSets() {
    SplittableRandom random = new SplittableRandom(5);
    for (int i = 0; i < 500; i++) {
      Expr first = Languages.random(random, 0, 3);
      Expr second = Languages.random(random, 0, 3);
      Set<String> one = Languages.texts(first, List.of());
      Set<String> other = Languages.texts(second, List.of());
      Dfa a = Dfa.of(budget(), first);
      Dfa b = Dfa.of(budget(), second);
      check(one, a);
      Set<String> both = new HashSet<>(one);
      both.retainAll(other);
      check(both, a.intersect(budget(), b));
      Set<String> minus = new HashSet<>(one);
      minus.removeAll(other);
      check(minus, a.minus(budget(), b));
      Set<String> either = new HashSet<>(one);
      either.addAll(other);
      check(either, a.union(budget(), b));
    }
  }

  @Test
  void computesLengthBounds() {
    record Lengths(int shortest, int longest) {}
    Map<String, Lengths> lengths =
        Map.of(
            "", new Lengths(0, 0),
            "a{2,5}b?", new Lengths(2, 6),
            "(a|bb)(c|d|efg)", new Lengths(2, 5),
            "a(bc)*", new Lengths(1, -1),
            "a+|b{3}", new Lengths(1, -1),
            "(a*b){2}c", new Lengths(3, -1));
    lengths.forEach(
        (regex, expected) -> {
          Dfa dfa = Dfa.of(budget(), RegexReader.whole(FIELD, regex));
          assertEquals(expected, new Lengths(dfa.shortest(), dfa.longest()), regex);
        });
  }

  /** The grammar of an automaton has its texts, whether it has few or many states. */
  @Test
  void convertsToGrammar() {
    SplittableRandom random = new SplittableRandom(6);
    for (int n = 0; n < 200; n++) {
      Expr expr = Expr.sequence(Languages.random(random, 0, 3), Expr.optional(Expr.text("b")));
      Dfa dfa = Dfa.of(budget(), expr);
      Dfa counted = dfa.intersect(budget(), Dfa.ofLength(0, 60));
      if (!counted.isEmpty()) {
        for (Dfa each : List.of(dfa, counted)) {
          Rules rules = new Rules(FIELD);
          rules.add("", Expr.machine(each));
          Pushdown run = new Pushdown(ProgramBuilder.build(rules));
          for (String text : TEXTS) {
            Pushdown.State state = run.start();
            for (int i = 0; i < text.length(); i++) {
              run.allowWork();
              state = run.next(state, text.charAt(i));
            }
            assertEquals(dfa.matches(text), state.accepting, text);
          }
        }
      }
    }
  }

  @Test
  void matchesAnyCodePoint() {
    Expr letters = RegexReader.whole(FIELD, "\\p{L}{2,}");
    Dfa greek = Dfa.of(budget(), RegexReader.whole(FIELD, "[α-ω😀]*"));
    Dfa both = Dfa.of(budget(), letters).intersect(budget(), greek);
    assertTrue(both.matches("αβ"));
    assertFalse(both.matches("α"));
    assertFalse(both.matches("α😀"));
    assertFalse(both.matches("ab"));
    assertTrue(greek.minus(budget(), Dfa.of(budget(), letters)).matches("α😀"));
  }

  @Test
  void measuresLengthInCodePoints() {
    Dfa two = Dfa.ofLength(2, 2);
    assertTrue(two.matches("😀é"));
    assertFalse(two.matches("😀"));
    assertTrue(Dfa.ofLength(1, -1).matches("aaaa"));
    assertFalse(Dfa.ofLength(1, -1).matches(""));
  }

  /** The number of remaining characters is irrelevant while it is large enough. */
  @Test
  void minimizesStates() {
    Dfa dfa = Dfa.ofLength(0, 8);
    assertArrayEquals(new int[] {0, 0, 0, 0, 0, 0, 1, 2, 3}, ranked(dfa.equivalenceClasses(3)));
  }

  /** Renumbers blocks in order of appearance. */
  private static int[] ranked(int[] blocks) {
    List<Integer> seen = new ArrayList<>();
    int[] ranks = new int[blocks.length];
    for (int i = 0; i < blocks.length; i++) {
      if (!seen.contains(blocks[i])) {
        seen.add(blocks[i]);
      }
      ranks[i] = seen.indexOf(blocks[i]);
    }
    return ranks;
  }

  @Test
  void rejectsLargeAutomata() {
    Expr far = RegexReader.whole(FIELD, "(a|b)*a(a|b){40}");
    InvalidInputException e =
        assertThrows(InvalidInputException.class, () -> Dfa.of(budget(), far));
    assertTrue(e.getMessage().contains("30000 states"), e.getMessage());
    Expr empty = RegexReader.whole(FIELD, "(((((){1000}){1000}){1000}){1000}){1000}");
    e = assertThrows(InvalidInputException.class, () -> Dfa.of(budget(), empty));
    assertTrue(e.getMessage().contains("steps"), e.getMessage());
  }
}
