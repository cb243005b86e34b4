package dev.vidrio.grammar.expression;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.function.IntConsumer;
import java.util.function.Predicate;

/**
 * A deterministic finite automaton over code points, for sets of texts that are intersected. State
 * 0 is the start; a code point without an edge leads nowhere.
 */
public final class Dfa {

  /** An edge; the sets of a state's edges are disjoint. */
  public record Edge(CodePoints set, int to) {}

  /** The missing state, from which no text is accepted. */
  private static final int NOWHERE = -1;

  private final List<List<Edge>> edges;
  private final BitSet accepting;

  private Dfa(List<List<Edge>> edges, BitSet accepting) {
    this.edges = edges;
    this.accepting = accepting;
  }

  /** Returns the automaton of an expression without rule calls. */
  public static Dfa of(StateBudget budget, Expr expr) {
    return new DfaBuilder(budget).build(expr);
  }

  /**
   * Returns the automaton of all texts of {@code min} to {@code max} code points; unbounded if
   * {@code max} is −1.
   */
  public static Dfa ofLength(int min, int max) {
    int last = max < 0 ? min : max;
    List<List<Edge>> edges = new ArrayList<>();
    BitSet accepting = new BitSet();
    for (int i = 0; i <= last; i++) {
      int next = i < last ? i + 1 : max < 0 ? i : NOWHERE;
      edges.add(next == NOWHERE ? List.of() : List.of(new Edge(CodePoints.ALL, next)));
      accepting.set(i, i >= min);
    }
    return new Dfa(edges, accepting);
  }

  /** Returns the number of states. */
  public int size() {
    return edges.size();
  }

  /** Returns the edges of a state. */
  public List<Edge> edges(int state) {
    return edges.get(state);
  }

  /** Returns whether a text may end in a state. */
  public boolean isAccepting(int state) {
    return accepting.get(state);
  }

  /**
   * Returns whether there is no text. Only valid for results of {@link #intersect}, {@link #minus}
   * and {@link #union}.
   */
  public boolean isEmpty() {
    return accepting.isEmpty();
  }

  /** Returns whether a text is accepted. */
  public boolean matches(String text) {
    int state = 0;
    for (int c : text.codePoints().toArray()) {
      int next = NOWHERE;
      for (Edge edge : edges.get(state)) {
        next = edge.set.contains(c) ? edge.to : next;
      }
      if (next == NOWHERE) {
        return false;
      }
      state = next;
    }
    return accepting.get(state);
  }

  /**
   * Returns the automaton of the states that can be reached from a start state, numbered in order
   * of discovery.
   *
   * @param charge receives the number of states before each new one
   * @param edges returns the next states of a state, each with its characters
   */
  public static <S> Dfa explore(
      IntConsumer charge,
      S start,
      Function<S, Map<S, List<CodePoints>>> edges,
      Predicate<S> accepting) {
    Map<S, Integer> numbers = new HashMap<>();
    List<S> states = new ArrayList<>();
    Function<S, Integer> number =
        state -> {
          charge.accept(states.size());
          states.add(state);
          return states.size() - 1;
        };
    numbers.put(start, number.apply(start));
    List<List<Edge>> all = new ArrayList<>();
    BitSet ends = new BitSet();
    for (int i = 0; i < states.size(); i++) {
      ends.set(i, accepting.test(states.get(i)));
      List<Edge> found = new ArrayList<>();
      edges
          .apply(states.get(i))
          .forEach(
              (to, sets) ->
                  found.add(new Edge(CodePoints.union(sets), numbers.computeIfAbsent(to, number))));
      all.add(found);
    }
    return new Dfa(all, ends);
  }

  /** Returns the intersection of this automaton and another. */
  public Dfa intersect(StateBudget budget, Dfa other) {
    return product(budget, other, false, false, (a, b) -> a && b);
  }

  /** Returns the difference of this automaton and another. */
  public Dfa minus(StateBudget budget, Dfa other) {
    return product(budget, other, true, false, (a, b) -> a && !b);
  }

  /** Returns the union of this automaton and another. */
  public Dfa union(StateBudget budget, Dfa other) {
    return product(budget, other, true, true, (a, b) -> a || b);
  }

  private record Pair(int one, int other) {}

  /**
   * Returns the product of two automata.
   *
   * @param alone whether texts that only this automaton can read count
   * @param otherAlone whether texts that only the other automaton can read count
   */
  private Dfa product(
      StateBudget budget,
      Dfa other,
      boolean alone,
      boolean otherAlone,
      BinaryOperator<Boolean> accepts) {
    Function<Pair, Map<Pair, List<CodePoints>>> edges =
        pair -> {
          List<Edge> ofOther = pair.other == NOWHERE ? List.of() : other.edges.get(pair.other);
          List<Edge> ofOne = pair.one == NOWHERE ? List.of() : this.edges.get(pair.one);
          CodePoints taken = otherAlone ? characters(ofOne) : CodePoints.NONE;
          CodePoints takenByOther = alone ? characters(ofOther) : CodePoints.NONE;
          Map<Pair, List<CodePoints>> found = new LinkedHashMap<>();
          for (Edge a : ofOne) {
            for (Edge b : ofOther) {
              add(found, new Pair(a.to, b.to), a.set.intersect(b.set));
            }
            if (alone) {
              add(found, new Pair(a.to, NOWHERE), a.set.minus(takenByOther));
            }
          }
          if (otherAlone) {
            ofOther.forEach(b -> add(found, new Pair(NOWHERE, b.to), b.set.minus(taken)));
          }
          return found;
        };
    Predicate<Pair> accepting =
        pair ->
            accepts.apply(
                pair.one != NOWHERE && this.accepting.get(pair.one),
                pair.other != NOWHERE && other.accepting.get(pair.other));
    return explore(budget::state, new Pair(0, 0), edges, accepting).trimmed();
  }

  private static CodePoints characters(List<Edge> edges) {
    return CodePoints.union(edges.stream().map(Edge::set).toList());
  }

  /** Adds a nonempty set to the edges to a state. */
  static <S> void add(Map<S, List<CodePoints>> edges, S to, CodePoints set) {
    if (!set.isEmpty()) {
      edges.computeIfAbsent(to, ignored -> new ArrayList<>()).add(set);
    }
  }

  /** Returns this automaton without states from which no text is accepted. */
  Dfa trimmed() {
    BitSet live = live();
    int[] states = new int[size()];
    Arrays.setAll(states, state -> live.get(state) ? state : NOWHERE);
    return merged(states);
  }

  /** Returns the minimal equivalent automaton. */
  public Dfa minimal() {
    BitSet live = live();
    int[] blocks = blocks(live, size());
    Arrays.setAll(blocks, state -> live.get(state) ? blocks[state] : NOWHERE);
    return merged(blocks);
  }

  /** Merges the states of each block; states without a block are removed. */
  private Dfa merged(int[] blocks) {
    // Each block is represented by its first state.
    Map<Integer, Integer> firsts = new HashMap<>();
    int[] samples = new int[size()];
    Arrays.setAll(samples, state -> firsts.computeIfAbsent(blocks[state], ignored -> state));
    return explore(
        ignored -> {},
        0,
        sample -> {
          Map<Integer, List<CodePoints>> found = new LinkedHashMap<>();
          for (Edge edge : edges.get(sample)) {
            if (blocks[edge.to] != NOWHERE) {
              add(found, samples[edge.to], edge.set);
            }
          }
          return found;
        },
        accepting::get);
  }

  /** Returns the length of the shortest text in code points, if there is a text. */
  public int shortest() {
    // States are numbered in order of distance, so the first edge to a state is on a shortest path.
    int[] distances = new int[size()];
    for (int state = 0; state < size(); state++) {
      for (Edge edge : edges.get(state)) {
        if (edge.to > 0 && distances[edge.to] == 0) {
          distances[edge.to] = distances[state] + 1;
        }
      }
    }
    return isEmpty() ? size() : distances[accepting.nextSetBit(0)];
  }

  /**
   * Returns the length of the longest text in code points; −1 if unbounded. Valid if a text is
   * accepted from every state.
   */
  public int longest() {
    int[] entries = new int[size()];
    edges.forEach(each -> each.forEach(edge -> entries[edge.to]++));
    // Topological order: states of a cycle are never reached.
    int[] lengths = new int[size()];
    List<Integer> order = new ArrayList<>(entries[0] == 0 ? List.of(0) : List.of());
    for (int i = 0; i < order.size(); i++) {
      int state = order.get(i);
      for (Edge edge : edges.get(state)) {
        lengths[edge.to] = Math.max(lengths[edge.to], lengths[state] + 1);
        if (--entries[edge.to] == 0) {
          order.add(edge.to);
        }
      }
    }
    return order.size() < size() ? -1 : Arrays.stream(lengths).max().getAsInt();
  }

  private BitSet live() {
    List<List<Integer>> before = new ArrayList<>();
    edges.forEach(ignored -> before.add(new ArrayList<>()));
    for (int state = 0; state < size(); state++) {
      for (Edge edge : edges.get(state)) {
        before.get(edge.to).add(state);
      }
    }
    BitSet live = (BitSet) accepting.clone();
    List<Integer> todo = new ArrayList<>(accepting.stream().boxed().toList());
    while (!todo.isEmpty()) {
      for (int state : before.get(todo.removeLast())) {
        if (!live.get(state)) {
          live.set(state);
          todo.add(state);
        }
      }
    }
    return live;
  }

  /**
   * Returns a block number for each state; states in one block accept the same continuations of at
   * most a number of code points (Moore, 1956).
   */
  public int[] equivalenceClasses(int characters) {
    return blocks(live(), characters);
  }

  private int[] blocks(BitSet live, int rounds) {
    int[] blocks = new int[size()];
    for (int state = 0; state < blocks.length; state++) {
      blocks[state] = !live.get(state) ? 0 : accepting.get(state) ? 1 : 2;
    }
    int count = 0;
    for (int round = 0; round < rounds; round++) {
      Map<Object, Integer> known = new HashMap<>();
      int[] next = new int[blocks.length];
      for (int state = 0; state < blocks.length; state++) {
        Map<Integer, List<CodePoints>> found = new HashMap<>();
        for (Edge edge : edges.get(state)) {
          if (live.get(edge.to)) {
            add(found, blocks[edge.to], edge.set);
          }
        }
        Map<Integer, CodePoints> sets = new HashMap<>();
        found.forEach((to, each) -> sets.put(to, CodePoints.union(each)));
        next[state] = known.computeIfAbsent(List.of(blocks[state], sets), ignored -> known.size());
      }
      blocks = next;
      if (known.size() == count) {
        break;
      }
      count = known.size();
    }
    return blocks;
  }
}
