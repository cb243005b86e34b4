package dev.vidrio.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.expression.Rules;
import dev.vidrio.grammar.program.Program;
import dev.vidrio.grammar.program.ProgramBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Compares programs of random grammars over two letters with their languages. */
class ProgramTest {

  /** Returns the language of the first rule: the least fixed point of all rules. */
  private static Set<String> language(Rules rules) {
    List<Set<String>> known = new ArrayList<>();
    for (int rule = 0; rule < rules.size(); rule++) {
      known.add(Set.of());
    }
    for (boolean more = true; more; ) {
      more = false;
      for (int rule = 0; rule < rules.size(); rule++) {
        Set<String> texts = Languages.texts(rules.get(rule), known);
        more |= texts.size() > known.get(rule).size();
        known.set(rule, texts);
      }
    }
    return known.getFirst();
  }

  private static void check(Pushdown.State state, Pushdown run, String text, Set<String> language) {
    assertEquals(language.contains(text), state.accepting, text);
    boolean alive = language.stream().anyMatch(each -> each.startsWith(text));
    assertTrue(!alive || !state.isDead(), text);
    if (text.length() < Languages.MAX_LENGTH) {
      for (String letter : List.of("a", "b")) {
        run.allowWork();
        Pushdown.State next = run.next(state, letter.getBytes(UTF_8)[0]);
        check(next, run, text + letter, language);
      }
    }
  }

  @Test
  void acceptsLanguages() {
    SplittableRandom random = new SplittableRandom(7);
    int checked = 0;
    for (int i = 0; i < 4000; i++) {
      Rules rules = new Rules("grammar");
      int count = 1 + random.nextInt(4);
      for (int rule = 0; rule < count; rule++) {
        rules.add("r" + rule, Languages.random(random, count, 3));
      }
      Program program;
      try {
        program = ProgramBuilder.build(rules);
      } catch (InvalidInputException e) {
        boolean none = e.limit().startsWith("is unsatisfiable");
        assertTrue(none || e.limit().startsWith("is left-recursive"), e.getMessage());
        assertTrue(!none || language(rules).isEmpty(), rules.get(0).toString());
        continue;
      }
      Pushdown run = new Pushdown(program);
      check(run.start(), run, "", language(rules));
      checked++;
    }
    assertTrue(checked > 1000, checked + " grammars");
  }

  /** A dead state is detected as soon as no continuation can complete the text. */
  @Test
  void removesDeadInstructions() {
    for (String dead : List.of("\"a\" [^\\x00-\\U0010FFFF] | \"b\"", "\"a\" never | \"b\"")) {
      String text = "root ::= " + dead + "\nnever ::= \"x\" never\n";
      if (dead.contains("never")) {
        Pushdown run = new Pushdown(Grammar.ebnf(text).program());
        assertTrue(run.next(run.start(), 'a').isDead());
        assertTrue(!run.next(run.start(), 'b').isDead());
      }
    }
  }
}
