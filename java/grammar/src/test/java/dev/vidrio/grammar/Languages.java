package dev.vidrio.grammar;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Expr;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

/** Random expressions over two letters, and the short texts of their language by definition. */
final class Languages {

  static final int MAX_LENGTH = 7;

  private Languages() {}

  /**
   * Returns a random expression.
   *
   * @param rules the number of rules that it may call
   */
  static Expr random(SplittableRandom random, int rules, int depth) {
    return switch (random.nextInt(depth == 0 ? 3 : 7)) {
      case 0 -> random.nextInt(8) == 0 ? Expr.NOTHING : Expr.anyOf("a");
      case 1 -> Expr.anyOf(random.nextBoolean() ? "b" : "ab");
      case 2 -> rules == 0 ? Expr.anyOf("b") : new Expr.Call(random.nextInt(rules));
      case 3, 4 -> {
        List<Expr> parts = new ArrayList<>();
        for (int i = random.nextInt(4); i > 0; i--) {
          parts.add(random(random, rules, depth - 1));
        }
        yield new Expr.Sequence(parts);
      }
      case 5 -> Expr.choice(random(random, rules, depth - 1), random(random, rules, depth - 1));
      default -> {
        int min = random.nextInt(3);
        int max = random.nextBoolean() ? -1 : min + random.nextInt(3);
        yield new Expr.Repeat(random(random, rules, depth - 1), min, max);
      }
    };
  }

  /** Returns the texts of an expression by definition, given those of the rules. */
  static Set<String> texts(Expr expr, List<Set<String>> known) {
    return switch (expr) {
      case Expr.Chars(CodePoints set) -> {
        Set<String> texts = new HashSet<>();
        for (char c : new char[] {'a', 'b'}) {
          if (set.contains(c)) {
            texts.add(Character.toString(c));
          }
        }
        yield texts;
      }
      case Expr.Call(int rule) -> known.get(rule);
      case Expr.Machine machine -> throw new IllegalArgumentException("what is to be tested");
      case Expr.Choice(List<Expr> parts) -> {
        Set<String> texts = new HashSet<>();
        parts.forEach(part -> texts.addAll(texts(part, known)));
        yield texts;
      }
      case Expr.Sequence(List<Expr> parts) -> {
        Set<String> texts = Set.of("");
        for (Expr part : parts) {
          texts = joined(texts, texts(part, known));
        }
        yield texts;
      }
      case Expr.Repeat(Expr part, int min, int max) -> {
        Set<String> once = texts(part, known);
        Set<String> times = Set.of("");
        Set<String> texts = new HashSet<>();
        for (int i = 0; i <= (max < 0 ? min + MAX_LENGTH : max); i++) {
          if (i >= min) {
            texts.addAll(times);
          }
          times = joined(times, once);
        }
        yield texts;
      }
    };
  }

  private static Set<String> joined(Set<String> first, Set<String> second) {
    Set<String> joined = new HashSet<>();
    for (String a : first) {
      for (String b : second) {
        if (a.length() + b.length() <= MAX_LENGTH) {
          joined.add(a + b);
        }
      }
    }
    return joined;
  }
}
