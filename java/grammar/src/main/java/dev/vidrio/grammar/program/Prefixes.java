package dev.vidrio.grammar.program;

import dev.vidrio.grammar.expression.Expr;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Factors out common prefixes of alternatives, so that a long list of words becomes a tree and each
 * step follows only the matching branch.
 */
final class Prefixes {
  private Prefixes() {}

  /** Returns equivalent alternatives of which no two begin with the same part. */
  static List<Expr> shared(List<Expr> alternatives) {
    List<List<Expr>> words = new ArrayList<>();
    for (Expr alternative : alternatives) {
      List<Expr> word = new ArrayList<>();
      flatten(alternative, word);
      words.add(word);
    }
    return shared(words, 0);
  }

  private static void flatten(Expr expr, List<Expr> parts) {
    if (expr instanceof Expr.Sequence(List<Expr> inner)) {
      inner.forEach(part -> flatten(part, parts));
    } else {
      parts.add(expr);
    }
  }

  /** Returns alternatives for the words from a part on; the parts before it are equal. */
  private static List<Expr> shared(List<List<Expr>> words, int from) {
    Map<Expr, List<List<Expr>>> groups = new LinkedHashMap<>();
    for (List<Expr> word : words) {
      Expr first = word.size() == from ? Expr.EMPTY : word.get(from);
      groups.computeIfAbsent(first, any -> new ArrayList<>()).add(word);
    }
    List<Expr> shared = new ArrayList<>();
    groups.values().forEach(group -> shared.add(expr(group, from)));
    return shared;
  }

  private static Expr expr(List<List<Expr>> group, int from) {
    List<Expr> word = group.getFirst();
    int to = from;
    while (to < word.size() && isShared(group, to)) {
      to++;
    }
    List<Expr> parts = new ArrayList<>(word.subList(from, to));
    int end = to;
    if (group.stream().anyMatch(each -> each.size() > end)) {
      parts.add(new Expr.Choice(shared(group, end)));
    }
    return new Expr.Sequence(parts);
  }

  private static boolean isShared(List<List<Expr>> group, int at) {
    Expr part = group.getFirst().get(at);
    return group.stream().allMatch(word -> at < word.size() && word.get(at).equals(part));
  }
}
