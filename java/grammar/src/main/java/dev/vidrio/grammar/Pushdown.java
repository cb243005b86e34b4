package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.program.ByteSet;
import dev.vidrio.grammar.program.Program;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Runs a {@link Program} on all ways at once, byte by byte: a nondeterministic pushdown automaton
 * whose stacks share what they have in common (a graph-structured stack: Tomita, 1985; Scott and
 * Johnstone, GLL parsing, 2010), made deterministic as far as it is used.
 *
 * <p>Equal stacks are one object, and so are equal states: what a state leads to is found out once,
 * and a grammar without recursion ends up as a finite automaton. Calls that end their rule push
 * nothing, so that a list of any length needs no deeper stack. Each byte costs at most the number
 * of items, which for ambiguous grammars may grow with the length of the text (Earley, 1970) up to
 * a limit.
 *
 * <p>Thread-safe. What it remembers is limited; when that is full it begins anew.
 */
final class Pushdown {

  private static final int MAX_ITEMS = 1 << 14;

  /** Items that one mask or one token may look at. */
  private static final int MAX_WORK = 2_000_000;

  /** Transitions to remember. */
  private static final int MAX_TRANSITIONS = 1 << 20;

  /** A place to go on at, below which lies a stack. */
  record Item(int place, Node node) {}

  /** A stack, or several that have their end in common: where to go on when a rule ends. */
  static final class Node {
    private final int id;
    private final List<Item> returns;
    private final Node alike;
    private @Nullable State resumed;

    private Node(int id, List<Item> returns, @Nullable Node alike) {
      this.id = id;
      this.returns = returns;
      this.alike = alike == null ? this : alike;
    }
  }

  /** All that may go on after a text. */
  static final class State {
    /** Places that take a byte. */
    final List<Item> items;

    /** Whether the text may end here. */
    final boolean accepting;

    /** The tokens that may come, once they are known; {@link TokenConstraint} knows them. */
    volatile long @Nullable [] mask;

    /** Only the short ones of them, where they are the same for other states. */
    long @Nullable [] shortMask;

    private final @Nullable State[] next;

    private State(List<Item> items, boolean accepting, int classes) {
      this.items = items;
      this.accepting = accepting;
      this.next = new State[classes];
    }

    /** Whether nothing can make the text whole. */
    boolean isDead() {
      return items.isEmpty() && !accepting;
    }
  }

  private record Content(List<Item> items, boolean accepting) {}

  private static final Comparator<Item> ORDER =
      Comparator.comparingInt(Item::place).thenComparingInt(item -> item.node().id);

  private final Program program;
  private final int[] classes = new int[256];
  private final int classCount;
  private final Map<Content, State> states = new HashMap<>();
  private final Map<List<Item>, Node> nodes = new HashMap<>();
  private final Node bottom = new Node(0, List.of(), null);
  private final Node root = new Node(1, List.of(new Item(Program.ACCEPT, bottom)), null);
  private final State start;
  private int nodeCount = 2;
  private int work;

  Pushdown(Program program) {
    this.program = program;
    this.classCount = divide();
    nodes.put(root.returns, root);
    Closure closure = new Closure();
    closure.call(0, Program.ACCEPT, bottom);
    start = closure.state();
  }

  /** Divides the bytes into classes that the program does not tell apart. */
  private int divide() {
    Set<ByteSet> sets = new LinkedHashSet<>();
    program
        .places()
        .forEach(
            place -> {
              if (place instanceof Program.Bytes(ByteSet set, int then)) {
                sets.add(set);
              }
            });
    Map<BitSet, Integer> known = new HashMap<>();
    for (int value = 0; value < classes.length; value++) {
      BitSet in = new BitSet();
      int i = 0;
      for (ByteSet set : sets) {
        in.set(i++, set.contains(value));
      }
      classes[value] = known.computeIfAbsent(in, ignored -> known.size());
    }
    return known.size();
  }

  /** The state before any text. */
  State start() {
    return start;
  }

  /** The state in which the text has ended. */
  synchronized State ended() {
    return intern(List.of(), true);
  }

  /** Allows the work of one more mask or token. */
  synchronized void allowWork() {
    work = 0;
  }

  /**
   * The state after one more byte.
   *
   * @throws InvalidInputException if the grammar is too ambiguous
   */
  State next(State state, int value) {
    State known = state.next[classes[value]];
    return known != null ? known : step(state, value);
  }

  private synchronized State step(State state, int value) {
    if (states.size() >= MAX_TRANSITIONS / classCount) {
      forget();
    }
    Closure closure = new Closure();
    for (Item item : state.items) {
      if (program.at(item.place()) instanceof Program.Bytes(ByteSet set, int then)
          && set.contains(value)) {
        closure.follow(new Item(then, item.node()), true);
      }
    }
    State next = closure.state();
    state.next[classes[value]] = next;
    return next;
  }

  /** The state of a place on its own, as if its rule were the whole grammar. */
  synchronized State alone(int place) {
    return intern(List.of(new Item(place, root)), false);
  }

  /** The state after a rule has ended that was called with this stack. */
  synchronized State resume(Node node) {
    if (node.resumed == null) {
      Closure closure = new Closure();
      node.returns.forEach(item -> closure.follow(item, true));
      node.resumed = closure.state();
    }
    return node.resumed;
  }

  /** Forgets what masks are known. */
  synchronized void forgetMasks() {
    for (State state : states.values()) {
      state.mask = null;
      state.shortMask = null;
    }
  }

  /** Forgets all but the start, and cuts the states apart, so that those in use keep no others. */
  private void forget() {
    forgetMasks();
    states.values().forEach(state -> Arrays.fill(state.next, null));
    nodes.values().forEach(node -> node.resumed = null);
    states.clear();
    states.put(new Content(start.items, start.accepting), start);
    nodes.clear();
    nodes.put(root.returns, root);
  }

  private State intern(List<Item> items, boolean accepting) {
    return states.computeIfAbsent(
        new Content(items, accepting), content -> new State(items, accepting, classCount));
  }

  private Node intern(List<Item> returns) {
    Node known = nodes.get(returns);
    if (known == null) {
      List<Item> alike =
          returns.stream()
              .map(item -> new Item(program.alike(item.place()), item.node().alike))
              .distinct()
              .sorted(ORDER)
              .toList();
      known = new Node(nodeCount++, returns, alike.equals(returns) ? null : intern(alike));
      nodes.put(returns, known);
    }
    return known;
  }

  /**
   * A state from which the next {@link Program#REACH} bytes go as from this one, the same for all
   * that are alike.
   */
  synchronized State alike(State state) {
    if (state.items.stream().allMatch(item -> item.node().alike == item.node())) {
      return state;
    }
    List<Item> items =
        state.items.stream()
            .map(item -> new Item(item.place(), item.node().alike))
            .distinct()
            .sorted(ORDER)
            .toList();
    return intern(items, state.accepting);
  }

  /** Follows all ways that take no byte. */
  private final class Closure {
    private final Set<Item> seen = new HashSet<>();
    private final Deque<Item> todo = new ArrayDeque<>();
    private final List<Item> items = new ArrayList<>();
    // By rank of the rule that is called: where its calls return to.
    private final TreeMap<Integer, Set<Item>> calls = new TreeMap<>();
    private boolean accepting;

    /**
     * Goes on at a place.
     *
     * @param returning whether the end of a rule goes on after its call; not for rules that were
     *     called since the last byte, since who calls a nullable rule goes on after it anyhow
     */
    void follow(Item from, boolean returning) {
      todo.push(from);
      while (!todo.isEmpty()) {
        Item item = todo.pop();
        count(1);
        if (!program.isLive(item.place()) || !seen.add(item)) {
          continue;
        }
        Node node = item.node();
        switch (program.at(item.place())) {
          case Program.Fork(int first, int second) -> {
            todo.push(new Item(second, node));
            todo.push(new Item(first, node));
          }
          case Program.Bytes b -> items.add(item);
          case Program.Call(int rule, int then) -> call(rule, then, node);
          case Program.End() -> {
            if (returning) {
              node.returns.forEach(todo::push);
            }
          }
          case Program.Accept() -> accepting = true;
        }
      }
    }

    private void count(int more) {
      work += more;
      if (seen.size() > MAX_ITEMS || work > MAX_WORK) {
        throw new InvalidInputException(
            "grammar", "", "is too ambiguous: the text so far can be read in too many ways");
      }
    }

    /** Notes a call, and goes on after it where the rule may be empty. */
    void call(int rule, int then, Node node) {
      Set<Item> returns =
          calls.computeIfAbsent(program.rank(rule), ignored -> new LinkedHashSet<>());
      if (then == Program.END) {
        count(node.returns.size());
        returns.addAll(node.returns);
      } else {
        returns.add(new Item(then, node));
      }
      if (program.isNullable(rule)) {
        todo.push(new Item(then, node));
      }
    }

    /** Begins the rules that are called, callers first, and returns the state. */
    State state() {
      while (!calls.isEmpty()) {
        Map.Entry<Integer, Set<Item>> next = calls.pollFirstEntry();
        Node node = intern(next.getValue().stream().sorted(ORDER).toList());
        int rule = program.ruleOfRank(next.getKey());
        follow(new Item(program.start(rule), node), false);
      }
      items.sort(ORDER);
      return intern(List.copyOf(items), accepting);
    }
  }
}
