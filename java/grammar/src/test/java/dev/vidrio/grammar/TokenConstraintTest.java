package dev.vidrio.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Execution(ExecutionMode.CONCURRENT)
class TokenConstraintTest {

  static List<Grammar> grammars() {
    return List.of(
        Grammar.json(),
        Grammar.regex("[a-z]+(-[a-z]+)*|é{2,5}😀?"),
        Grammar.regex("(ab|a|b|aba)*c"),
        Grammar.regex("\\p{L}{2,}"),
        Grammar.regex("[a-z :,\"]{0,40}(é|[ab]{35,60}|x)"),
        Grammar.choice(List.of("true", "trueish", "false", "\u00e9t\u00e9", "")),
        Grammar.ebnf("root ::= \"a\" root \"b\" | \"\" | word \"!\"\nword ::= [a-b]+"),
        Grammar.ebnf("root ::= pair*\npair ::= word \" \" word \",\"\nword ::= [a-zé\"]{1,3}"),
        Grammar.jsonSchema(
            """
            {"type": "object",
             "properties": {
               "name": {"type": "string", "maxLength": 45},
               "tags": {"type": "array", "items": {"enum": ["a", "b", "é"]}, "minItems": 1},
               "next": {"$ref": "#"}},
             "required": ["tags"]}
            """));
  }

  /** Grammars with parts repeated more often than a token has bytes. */
  static List<Grammar> counted() {
    return List.of(
        Grammar.regex("([a-z ]{3,50}!){34,35}"),
        Grammar.regex("([a-zé\", ]{20,40}|[a-z]{33})+!"),
        Grammar.regex("(a?b?c?){40,50}( [ab]*){3,}x"));
  }

  /** Fragments of typical texts, split anywhere, including within characters. */
  private static List<byte[]> pieces(SplittableRandom random) {
    byte[] text =
        "{\"name\": \"été\", \"tags\": [\"a\",\"b\"], \"next\":{}} aab-babc! éé😀 falsetrueish 1.5e3\n\n  "
            .getBytes(UTF_8);
    List<byte[]> pieces = new ArrayList<>();
    for (int i = 0; i < 400; i++) {
      int from = random.nextInt(text.length);
      pieces.add(
          Arrays.copyOfRange(
              text, from, Math.min(text.length, from + 1 + random.nextInt(i % 8 == 0 ? 30 : 6))));
    }
    return pieces;
  }

  /** A token is in the mask exactly if its bytes, one by one, keep the automaton alive. */
  @ParameterizedTest
  @MethodSource({"grammars", "counted"})
  void computesExactMasks(Grammar grammar) {
    SplittableRandom random = new SplittableRandom(3);
    ListTokenizer tokenizer = new ListTokenizer(pieces(random));
    TokenConstraint constraint = TokenConstraint.of(grammar, tokenizer);
    for (int walk = 0; walk < 12; walk++) {
      Pushdown reference = new Pushdown(grammar.program());
      Pushdown.State place = reference.start();
      ConstraintState state = constraint.start();
      for (int step = 0; step < 25; step++) {
        long[] mask = state.mask();
        List<Integer> allowed = new ArrayList<>();
        for (int token = 0; token < tokenizer.special(); token++) {
          boolean alive = !after(reference, place, tokenizer.bytes(token)).isDead();
          assertEquals(alive, (mask[token / 64] >>> token & 1) != 0, "token " + token);
          assertEquals(alive, state.allows(token));
          if (alive) {
            allowed.add(token);
          }
        }
        assertFalse(state.allows(tokenizer.special()));
        assertEquals(place.accepting, state.allows(tokenizer.end()));
        assertEquals(place.accepting, state.mayEnd());
        assertEquals(allowed.isEmpty(), state.mustEnd());
        if (allowed.isEmpty()) {
          break;
        }
        int next = allowed.get(random.nextInt(allowed.size()));
        place = after(reference, place, tokenizer.bytes(next));
        state = state.after(next);
      }
    }
  }

  private static Pushdown.State after(Pushdown run, Pushdown.State state, byte[] bytes) {
    Pushdown.State next = state;
    for (byte value : bytes) {
      run.allowWork();
      next = run.next(next, Byte.toUnsignedInt(value));
    }
    return next;
  }

  /** Every completed text belongs to the grammar. */
  @ParameterizedTest
  @MethodSource("grammars")
  void endsInsideLanguage(Grammar grammar) {
    SplittableRandom random = new SplittableRandom(5);
    ListTokenizer tokenizer = new ListTokenizer(pieces(random));
    TokenConstraint constraint = TokenConstraint.of(grammar, tokenizer);
    RandomWalk walk = new RandomWalk(tokenizer);
    int ended = 0;
    for (int i = 0; i < 60; i++) {
      var text = walk.text(constraint, 40, random);
      ended += text.isPresent() ? 1 : 0;
      text.ifPresent(bytes -> assertTrue(grammar.matches(new String(bytes, UTF_8))));
    }
    assertTrue(ended > 20, ended + " of 60");
  }

  @Test
  void keepsEarlierStates() {
    ListTokenizer tokenizer = ListTokenizer.of("ab", "abc");
    ConstraintState start = TokenConstraint.of(Grammar.regex("ab(c|d)"), tokenizer).start();
    ConstraintState ab = start.after(256);
    assertTrue(ab.allows('c') && ab.allows('d') && !ab.allows(257));
    assertTrue(start.allows(257) && start.after(257).mustEnd());
    assertSame(ab.mask(), start.after('a').after('b').mask());
    assertTrue(ab.after('d').after(tokenizer.end()).mustEnd());
    assertThrows(IllegalArgumentException.class, () -> ab.after('x'));
    assertThrows(IllegalArgumentException.class, () -> ab.after(tokenizer.end()));
    assertFalse(ab.allows(-1) || ab.allows(tokenizer.vocabularySize()));
  }

  /** The number of parses doubles with each character, and each state stores all of them. */
  @Test
  void rejectsTooAmbiguousTexts() {
    String ways =
        IntStream.range(0, 50)
            .mapToObj(i -> "\"a\" root x%d root".formatted(i))
            .collect(Collectors.joining(" | "));
    String rules =
        IntStream.range(0, 50)
            .mapToObj("x%d ::= \"a\" | \"\"\n"::formatted)
            .collect(Collectors.joining());
    Grammar grammar = Grammar.ebnf("root ::= \"a\" | " + ways + "\n" + rules);
    String text = "a".repeat(100_000);
    InvalidInputException e =
        assertThrows(InvalidInputException.class, () -> grammar.matches(text));
    assertTrue(e.getMessage().contains("too ambiguous"), e.getMessage());
  }

  /** A state for each combination of the last 20 letters: more than are cached at once. */
  @Test
  @Tag("long")
  void isUnchangedByEviction() {
    Pushdown run = new Pushdown(Grammar.regex("[ab]*a[ab]{20}").program());
    Pushdown.State state = run.start();
    SplittableRandom random = new SplittableRandom(1);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 400_000; i++) {
      text.append(random.nextBoolean() ? 'a' : 'b');
      run.allowWork();
      state = run.next(state, text.charAt(i));
      assertEquals(i >= 20 && text.charAt(i - 20) == 'a', state.accepting);
    }
  }

  @Test
  void sharesConstraintsBetweenThreads() throws Exception {
    ListTokenizer tokenizer = new ListTokenizer(pieces(new SplittableRandom(3)));
    ConstraintCache cache = new ConstraintCache(tokenizer, 4);
    RandomWalk walk = new RandomWalk(tokenizer);
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<Integer>> work = new ArrayList<>();
      for (int thread = 0; thread < 32; thread++) {
        int seed = thread;
        work.add(
            () -> {
              Grammar grammar = grammars().get(seed % grammars().size());
              SplittableRandom random = new SplittableRandom(seed);
              for (int i = 0; i < 5; i++) {
                walk.text(cache.get(grammar), 30, random)
                    .ifPresent(bytes -> assertTrue(grammar.matches(new String(bytes, UTF_8))));
              }
              return seed;
            });
      }
      for (Future<Integer> each : threads.invokeAll(work)) {
        assertTrue(each.get() >= 0);
      }
    }
  }

  @Test
  void evictsLeastRecentlyUsed() {
    ConstraintCache cache = new ConstraintCache(ListTokenizer.of(), 2);
    TokenConstraint a = cache.get(Grammar.regex("a"));
    TokenConstraint b = cache.get(Grammar.regex("b"));
    assertSame(a, cache.get(Grammar.regex("a")));
    TokenConstraint other = cache.get(Grammar.choice(List.of("a")));
    assertSame(a, cache.get(Grammar.regex("a")));
    assertSame(other, cache.get(Grammar.choice(List.of("a"))));
    assertTrue(b != cache.get(Grammar.regex("b")));
  }

  @Test
  void doesNotReparseHeldGrammars() {
    Grammar string = Grammar.jsonSchema("{}");
    Grammar either = string.or(Grammar.regex("a"));
    assertSame(string, Grammar.jsonSchema("{}"));
    assertSame(either, string.or(Grammar.regex("a")));
  }
}
