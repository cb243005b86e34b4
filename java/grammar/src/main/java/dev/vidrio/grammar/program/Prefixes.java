package dev.vidrio.grammar.program;

import dev.vidrio.grammar.expression.Expr;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Factors out common prefixes of alternatives, so that a long list of words becomes a tree and each
 * step follows only the matching branch.
 */
final class Prefixes {
  /**
   * The depth of the tree after which alternatives are left as they are, since deeper recursion
   * would exhaust the stack.
   */
  private static final int MAX_DEPTH = 256;

  /** The choices that were made. No two alternatives of a choice begin with the same part. */
  private final Set<Expr> made = Collections.newSetFromMap(new IdentityHashMap<>());

  /** Returns equivalent alternatives that each begin with a different part. */
  List<Expr> shared(Expr.Choice choice) {
    return made.contains(choice)
        ? choice.parts()
        : shared(choice.parts().stream().map(Prefixes::parts).toList(), 0, 0);
  }

  /** Returns the parts of a sequence, without nested sequences. */
  private static List<Expr> parts(Expr expr) {
    return expr instanceof Expr.Sequence(List<Expr> parts)
        ? parts.stream().map(Prefixes::parts).flatMap(List::stream).toList()
        : List.of(expr);
  }

  /** Returns alternatives for the words from a part on; the parts before it are equal. */
  private List<Expr> shared(List<List<Expr>> words, int from, int depth) {
    if (depth == MAX_DEPTH) {
      return words.stream().<Expr>map(word -> rest(word, from)).toList();
    }
    Map<Expr, List<List<Expr>>> groups = new LinkedHashMap<>();
    for (List<Expr> word : words) {
      Expr first = word.size() == from ? Expr.EMPTY : word.get(from);
      groups.computeIfAbsent(first, any -> new ArrayList<>()).add(word);
    }
    return groups.values().stream().map(group -> expr(group, from, depth)).toList();
  }

  private static Expr rest(List<Expr> word, int from) {
    return new Expr.Sequence(word.subList(from, word.size()));
  }

  private Expr expr(List<List<Expr>> group, int from, int depth) {
    List<Expr> word = group.getFirst();
    int to = from;
    while (to < word.size() && isShared(group, to)) {
      to++;
    }
    List<Expr> parts = new ArrayList<>(word.subList(from, to));
    int end = to;
    if (group.stream().anyMatch(each -> each.size() > end)) {
      Expr.Choice choice = new Expr.Choice(shared(group, end, depth + 1));
      made.add(choice);
      parts.add(choice);
    }
    return new Expr.Sequence(parts);
  }

  private static boolean isShared(List<List<Expr>> group, int at) {
    Expr part = group.getFirst().get(at);
    return group.stream().allMatch(word -> at < word.size() && word.get(at).equals(part));
  }
}
