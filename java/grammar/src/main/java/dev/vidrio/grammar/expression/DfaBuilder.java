package dev.vidrio.grammar.expression;

import static java.util.Objects.requireNonNull;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Builds the {@link Dfa} of an expression by the subset construction (Rabin and Scott, 1959). */
final class DfaBuilder {

  /** An NFA state: reads a character and continues, or continues at two states at once. */
  private record NfaState(CodePoints set, int then, int other) {}

  private final StateBudget budget;
  private final List<NfaState> nfa = new ArrayList<>();

  DfaBuilder(StateBudget budget) {
    this.budget = budget;
  }

  Dfa build(Expr expr) {
    int end = add(CodePoints.NONE, -1, -1);
    int start = add(expr, end);
    return Dfa.explore(budget::state, closure(List.of(start)), this::edges, state -> state.get(end))
        .trimmed();
  }

  private int add(CodePoints set, int then, int other) {
    nfa.add(new NfaState(set, then, other));
    return nfa.size() - 1;
  }

  private int add(Expr expr, int then) {
    budget.work(64); // a state costs more memory than a step costs time
    return switch (expr) {
      case Expr.Chars(CodePoints set) -> add(set, set.isEmpty() ? -1 : then, -1);
      case Expr.Sequence(List<Expr> parts) -> {
        int first = then;
        for (Expr part : parts.reversed()) {
          first = add(part, first);
        }
        yield first;
      }
      case Expr.Choice(List<Expr> parts) -> {
        int first = add(parts.getLast(), then);
        for (Expr part : parts.subList(0, parts.size() - 1).reversed()) {
          first = add(CodePoints.NONE, add(part, then), first);
        }
        yield first;
      }
      case Expr.Repeat(Expr part, int min, int max) -> {
        int first = then;
        if (max < 0) {
          first = add(CodePoints.NONE, -1, then); // the back edge is set below
          nfa.set(first, new NfaState(CodePoints.NONE, add(part, first), then));
        }
        for (int i = min; i < max; i++) {
          first = add(CodePoints.NONE, add(part, first), then);
        }
        for (int i = 0; i < min; i++) {
          first = add(part, first);
        }
        yield first;
      }
      case Expr.Call c ->
          throw new IllegalArgumentException("a rule call is not a regular expression");
      case Expr.Machine m -> throw new IllegalArgumentException("an automaton within another");
    };
  }

  private BitSet closure(List<Integer> from) {
    BitSet found = new BitSet();
    Deque<Integer> todo = new ArrayDeque<>(from);
    while (!todo.isEmpty()) {
      int state = todo.pop();
      if (state < 0 || found.get(state)) {
        continue;
      }
      found.set(state);
      budget.work(1);
      NfaState at = nfa.get(state);
      if (at.set.isEmpty()) {
        todo.push(at.then);
        todo.push(at.other);
      }
    }
    return found;
  }

  /** Divides the code points at the boundaries of the sets of NFA states. */
  private Map<BitSet, List<CodePoints>> edges(BitSet reached) {
    List<NfaState> taking =
        reached.stream().mapToObj(nfa::get).filter(state -> !state.set.isEmpty()).toList();
    TreeSet<Integer> cuts = new TreeSet<>();
    for (NfaState state : taking) {
      for (CodePoints.Range range : state.set.ranges()) {
        cuts.add(range.first());
        cuts.add(range.last() + 1);
      }
    }
    budget.work((long) cuts.size() * taking.size());
    Map<List<Integer>, List<CodePoints>> byTargets = new LinkedHashMap<>();
    for (int from : cuts.headSet(cuts.isEmpty() ? 0 : cuts.last())) {
      List<Integer> to =
          taking.stream().filter(each -> each.set.contains(from)).map(NfaState::then).toList();
      if (!to.isEmpty()) {
        Dfa.add(byTargets, to, CodePoints.range(from, requireNonNull(cuts.higher(from)) - 1));
      }
    }
    Map<BitSet, List<CodePoints>> found = new LinkedHashMap<>();
    byTargets.forEach(
        (to, sets) ->
            found.computeIfAbsent(closure(to), ignored -> new ArrayList<>()).addAll(sets));
    return found;
  }
}
