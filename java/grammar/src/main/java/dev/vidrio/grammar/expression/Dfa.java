package dev.vidrio.grammar.expression;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A deterministic automaton over characters: what sets of texts become that are to be cut with each
 * other. State 0 is the first; a character that no edge of a state has leads nowhere.
 */
public final class Dfa {

  /** Where the characters of a set lead; the sets of a state's edges have none in common. */
  public record Edge(CodePoints set, int to) {}

  /** No state: from here, no text is in the set. */
  private static final int NOWHERE = -1;

  private final List<List<Edge>> edges;
  private final BitSet accepting;

  public Dfa(List<List<Edge>> edges, BitSet accepting) {
    this.edges = edges;
    this.accepting = accepting;
  }

  /** The texts of an expression without calls of rules. */
  public static Dfa of(StateBudget budget, Expr expr) {
    return new DfaBuilder(budget).build(expr);
  }

  /** All texts of so many characters; without an upper bound if that is −1. */
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

  public int size() {
    return edges.size();
  }

  public List<Edge> edges(int state) {
    return edges.get(state);
  }

  public boolean isAccepting(int state) {
    return accepting.get(state);
  }

  /** Whether there is no text; only of what {@link #both}, {@link #minus} and the like return. */
  public boolean isEmpty() {
    return accepting.isEmpty();
  }

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

  /** The texts in this and in the other. */
  public Dfa both(StateBudget budget, Dfa other) {
    return new Product(budget, this, other, Product.Kind.BOTH).make();
  }

  /** The texts in this and not in the other. */
  public Dfa minus(StateBudget budget, Dfa other) {
    return new Product(budget, this, other, Product.Kind.MINUS).make();
  }

  /** The texts in this or in the other. */
  public Dfa either(StateBudget budget, Dfa other) {
    return new Product(budget, this, other, Product.Kind.EITHER).make();
  }

  /** Runs two automata side by side. */
  private static final class Product {
    private enum Kind {
      BOTH,
      MINUS,
      EITHER
    }

    private record Pair(int one, int other) {}

    private final StateBudget budget;
    private final Dfa one;
    private final Dfa other;
    private final Kind kind;
    private final Map<Pair, Integer> known = new HashMap<>();
    private final List<Pair> pairs = new ArrayList<>();
    private final List<List<Edge>> edges = new ArrayList<>();
    private final BitSet accepting = new BitSet();

    private Product(StateBudget budget, Dfa one, Dfa other, Kind kind) {
      this.budget = budget;
      this.one = one;
      this.other = other;
      this.kind = kind;
    }

    private Dfa make() {
      int start = number(new Pair(0, 0));
      assert start == 0;
      for (int i = 0; i < pairs.size(); i++) {
        Pair pair = pairs.get(i);
        boolean a = pair.one != NOWHERE && one.accepting.get(pair.one);
        boolean b = pair.other != NOWHERE && other.accepting.get(pair.other);
        accepting.set(
            i,
            switch (kind) {
              case BOTH -> a && b;
              case MINUS -> a && !b;
              case EITHER -> a || b;
            });
        edges.add(edges(pair));
      }
      return new Dfa(edges, accepting).trimmed();
    }

    private int number(Pair pair) {
      Integer number = known.get(pair);
      if (number == null) {
        budget.state(pairs.size());
        number = pairs.size();
        known.put(pair, number);
        pairs.add(pair);
      }
      return number;
    }

    private List<Edge> edges(Pair pair) {
      List<Edge> ofOne = pair.one == NOWHERE ? List.of() : one.edges.get(pair.one);
      List<Edge> ofOther = pair.other == NOWHERE ? List.of() : other.edges.get(pair.other);
      Map<Integer, List<CodePoints>> found = new HashMap<>();
      for (Edge a : ofOne) {
        CodePoints left = a.set;
        for (Edge b : ofOther) {
          CodePoints common = left.intersect(b.set);
          if (!common.isEmpty()) {
            left = left.minus(common);
            add(found, new Pair(a.to, b.to), common);
          }
        }
        if (kind != Kind.BOTH) {
          add(found, new Pair(a.to, NOWHERE), left);
        }
      }
      if (kind == Kind.EITHER) {
        CodePoints taken = CodePoints.union(ofOne.stream().map(Edge::set).toList());
        ofOther.forEach(b -> add(found, new Pair(NOWHERE, b.to), b.set.minus(taken)));
      }
      return Dfa.edges(found);
    }

    private void add(Map<Integer, List<CodePoints>> found, Pair to, CodePoints set) {
      if (!set.isEmpty()) {
        found.computeIfAbsent(number(to), ignored -> new ArrayList<>()).add(set);
      }
    }
  }

  public static List<Edge> edges(Map<Integer, List<CodePoints>> found) {
    List<Edge> edges = new ArrayList<>(found.size());
    found.forEach((to, sets) -> edges.add(new Edge(CodePoints.union(sets), to)));
    return edges;
  }

  /** The same without states from which no text comes to its end. */
  Dfa trimmed() {
    BitSet live = live();
    int[] states = new int[size()];
    Arrays.setAll(states, state -> live.get(state) ? state : NOWHERE);
    return merged(states);
  }

  /** The same with as few states as can be. */
  public Dfa minimal() {
    BitSet live = live();
    int[] blocks = blocks(live, size());
    Arrays.setAll(blocks, state -> live.get(state) ? blocks[state] : NOWHERE);
    return merged(blocks);
  }

  /** The same where states of one number become one, and those without a number go. */
  private Dfa merged(int[] blocks) {
    // The first state's block becomes the first state.
    Map<Integer, Integer> numbers = new HashMap<>();
    List<Integer> samples = new ArrayList<>();
    number(blocks[0], 0, numbers, samples);
    List<List<Edge>> merged = new ArrayList<>();
    BitSet ends = new BitSet();
    for (int i = 0; i < samples.size(); i++) {
      Map<Integer, List<CodePoints>> found = new HashMap<>();
      for (Edge edge : edges.get(samples.get(i))) {
        if (blocks[edge.to] != NOWHERE) {
          int to = number(blocks[edge.to], edge.to, numbers, samples);
          found.computeIfAbsent(to, ignored -> new ArrayList<>()).add(edge.set);
        }
      }
      merged.add(edges(found));
      ends.set(i, accepting.get(samples.get(i)));
    }
    return new Dfa(merged, ends);
  }

  private static int number(
      int block, int state, Map<Integer, Integer> numbers, List<Integer> samples) {
    Integer known = numbers.get(block);
    if (known == null) {
      known = samples.size();
      numbers.put(block, known);
      samples.add(state);
    }
    return known;
  }

  /** How many characters the shortest text has, where there is one. */
  public int shortest() {
    int[] distances = distances();
    return accepting.stream()
        .map(state -> distances[state])
        .filter(distance -> distance != NOWHERE)
        .min()
        .orElse(size());
  }

  /** How many characters lead to each state at least. */
  private int[] distances() {
    int[] distances = new int[size()];
    Arrays.fill(distances, NOWHERE);
    distances[0] = 0;
    Deque<Integer> todo = new ArrayDeque<>(List.of(0));
    while (!todo.isEmpty()) {
      int state = todo.remove();
      for (Edge edge : edges.get(state)) {
        if (distances[edge.to] == NOWHERE) {
          distances[edge.to] = distances[state] + 1;
          todo.add(edge.to);
        }
      }
    }
    return distances;
  }

  /** How many characters the longest text has; −1 if there is none. */
  public int longest() {
    int[] distances = distances();
    BitSet states = live();
    for (int state = 0; state < size(); state++) {
      states.set(state, states.get(state) && distances[state] != NOWHERE);
    }
    int[] entries = new int[size()];
    states.stream().forEach(state -> edges.get(state).forEach(edge -> entries[edge.to]++));
    // A state comes after all that lead to it; those of a loop never come.
    int[] lengths = new int[size()];
    Deque<Integer> todo = new ArrayDeque<>();
    if (entries[0] == 0 && states.get(0)) {
      todo.add(0);
    }
    int longest = 0;
    int done = 0;
    while (!todo.isEmpty()) {
      int state = todo.remove();
      done++;
      longest = Math.max(longest, lengths[state]);
      for (Edge edge : edges.get(state)) {
        lengths[edge.to] = Math.max(lengths[edge.to], lengths[state] + 1);
        if (--entries[edge.to] == 0 && states.get(edge.to)) {
          todo.add(edge.to);
        }
      }
    }
    return done == states.cardinality() ? longest : -1;
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
   * For each state a number, the same for those that the next characters, at most so many, do not
   * tell apart (Moore, 1956).
   */
  public int[] alike(int characters) {
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
            found.computeIfAbsent(blocks[edge.to], ignored -> new ArrayList<>()).add(edge.set);
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
