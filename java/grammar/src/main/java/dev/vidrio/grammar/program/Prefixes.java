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
    return shared(alternatives.stream().map(Prefixes::parts).toList(), 0);
  }

  /** Returns the parts of a sequence, without nested sequences. */
  private static List<Expr> parts(Expr expr) {
    return expr instanceof Expr.Sequence(List<Expr> parts)
        ? parts.stream().map(Prefixes::parts).flatMap(List::stream).toList()
        : List.of(expr);
  }

  /** Returns alternatives for the words from a part on; the parts before it are equal. */
  private static List<Expr> shared(List<List<Expr>> words, int from) {
    Map<Expr, List<List<Expr>>> groups = new LinkedHashMap<>();
    for (List<Expr> word : words) {
      Expr first = word.size() == from ? Expr.EMPTY : word.get(from);
      groups.computeIfAbsent(first, any -> new ArrayList<>()).add(word);
    }
    return groups.values().stream().map(group -> expr(group, from)).toList();
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
