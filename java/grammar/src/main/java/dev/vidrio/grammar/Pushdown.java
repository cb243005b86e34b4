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
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Runs a {@link Program} on all parses at once, byte by byte: a nondeterministic pushdown automaton
 * with a graph-structured stack (Tomita, 1985; Scott and Johnstone, GLL parsing, 2010),
 * determinized lazily.
 *
 * <p>Equal stacks are one object, and so are equal states: each transition is computed once, and a
 * grammar without recursion becomes a finite automaton. Tail calls push nothing, so a list of any
 * length needs no deeper stack. Each byte costs at most the number of items, which for ambiguous
 * grammars may grow with the length of the text (Earley, 1970) up to a limit.
 *
 * <p>Thread-safe. The number of cached transitions is limited; when it is reached, the cache is
 * cleared.
 */
final class Pushdown {

  private static final int MAX_ITEMS = 1 << 14;

  /** The maximum number of items to visit for one mask or token. */
  private static final int MAX_WORK = 2_000_000;

  /** The maximum number of cached transitions. */
  private static final int MAX_TRANSITIONS = 1 << 20;

  /** An instruction to continue at, with the stack below it. */
  record Item(int address, Node node) {}

  /** A stack, or several with a common end: the items to continue at when a rule ends. */
  static final class Node {
    private final int id;
    private final List<Item> returns;
    private final Node representative;
    private @Nullable State resumed;

    private Node(int id, List<Item> returns, @Nullable Node representative) {
      this.id = id;
      this.returns = returns;
      this.representative = representative == null ? this : representative;
    }
  }

  /** All possible continuations of a text. */
  static final class State {
    /** The items at instructions that read a byte. */
    final List<Item> items;

    /** True if the text may end here. */
    final boolean accepting;

    /** The tokens that may come next, once {@link TokenConstraint} has computed them. */
    volatile long @Nullable [] mask;

    /** The part of the mask for short tokens, shared by equivalent states. */
    long @Nullable [] shortMask;

    private final @Nullable State[] next;

    private State(List<Item> items, boolean accepting, int classes) {
      this.items = items;
      this.accepting = accepting;
      this.next = new State[classes];
    }

    /** Returns whether no text can be completed from here. */
    boolean isDead() {
      return items.isEmpty() && !accepting;
    }
  }

  private record Content(List<Item> items, boolean accepting) {}

  private static final Comparator<Item> ORDER =
      Comparator.comparingInt(Item::address).thenComparingInt(item -> item.node().id);

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

  /** Divides the bytes into classes that the program does not distinguish. */
  private int divide() {
    List<ByteSet> sets =
        program.instructions().stream()
            .filter(Program.Bytes.class::isInstance)
            .map(instruction -> ((Program.Bytes) instruction).set())
            .distinct()
            .toList();
    Map<BitSet, Integer> known = new HashMap<>();
    for (int value = 0; value < classes.length; value++) {
      BitSet in = new BitSet();
      for (int i = 0; i < sets.size(); i++) {
        in.set(i, sets.get(i).contains(value));
      }
      classes[value] = known.computeIfAbsent(in, ignored -> known.size());
    }
    return known.size();
  }

  /** Returns the state before any text. */
  State start() {
    return start;
  }

  /** Returns the state after the end of the text. */
  synchronized State ended() {
    return intern(List.of(), true);
  }

  /** Resets the work limit for one more mask or token. */
  synchronized void allowWork() {
    work = 0;
  }

  /**
   * Returns the state after one more byte.
   *
   * @throws InvalidInputException if the grammar is too ambiguous
   */
  State next(State state, int value) {
    State known = state.next[classes[value]];
    return known != null ? known : step(state, value);
  }

  private synchronized State step(State state, int value) {
    if (states.size() >= MAX_TRANSITIONS / classCount) {
      clear();
    }
    Closure closure = new Closure();
    for (Item item : state.items) {
      if (program.at(item.address()) instanceof Program.Bytes(ByteSet set, int then)
          && set.contains(value)) {
        closure.follow(new Item(then, item.node()), true);
      }
    }
    State next = closure.state();
    state.next[classes[value]] = next;
    return next;
  }

  /** Returns the state of an instruction on its own, as if its rule were the whole grammar. */
  synchronized State alone(int address) {
    return intern(List.of(new Item(address, root)), false);
  }

  /** Returns the state after the end of a rule that was called with this stack. */
  synchronized State resume(Node node) {
    if (node.resumed == null) {
      Closure closure = new Closure();
      node.returns.forEach(item -> closure.follow(item, true));
      node.resumed = closure.state();
    }
    return node.resumed;
  }

  /** Clears all cached masks. */
  synchronized void clearMasks() {
    for (State state : states.values()) {
      state.mask = null;
      state.shortMask = null;
    }
  }

  /**
   * Clears everything but the start, and disconnects the states, so that those in use retain no
   * others.
   */
  private void clear() {
    clearMasks();
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
      List<Item> representative = representatives(returns, program::representative);
      known =
          new Node(
              nodeCount++, returns, representative.equals(returns) ? null : intern(representative));
      nodes.put(returns, known);
    }
    return known;
  }

  /**
   * Returns the representative of the states that are equivalent to this one for the next {@link
   * Program#REACH} bytes.
   */
  synchronized State representative(State state) {
    if (state.items.stream().allMatch(item -> item.node().representative == item.node())) {
      return state;
    }
    return intern(representatives(state.items, address -> address), state.accepting);
  }

  private static List<Item> representatives(List<Item> items, IntUnaryOperator address) {
    return items.stream()
        .map(item -> new Item(address.applyAsInt(item.address()), item.node().representative))
        .distinct()
        .sorted(ORDER)
        .toList();
  }

  /** The epsilon closure: follows all instructions that read no byte. */
  private final class Closure {
    private final Set<Item> seen = new HashSet<>();
    private final Deque<Item> todo = new ArrayDeque<>();
    private final List<Item> items = new ArrayList<>();
    // By the called rule, callers first: the items to return to.
    private final TreeMap<Integer, Set<Item>> calls =
        new TreeMap<>(Comparator.comparingInt(program::rank));
    private boolean accepting;

    /**
     * Follows the instructions from an item.
     *
     * @param returning whether the end of a rule continues after its call; false for rules called
     *     since the last byte, since the caller of a nullable rule continues after it anyway
     */
    void follow(Item from, boolean returning) {
      todo.push(from);
      while (!todo.isEmpty()) {
        Item item = todo.pop();
        count(1);
        if (!program.isLive(item.address()) || !seen.add(item)) {
          continue;
        }
        Node node = item.node();
        switch (program.at(item.address())) {
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
            "grammar", "", "is too ambiguous: too many parses of the text");
      }
    }

    /** Records a call, and continues after it if the rule may be empty. */
    void call(int rule, int then, Node node) {
      Set<Item> returns = calls.computeIfAbsent(rule, ignored -> new LinkedHashSet<>());
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

    /** Enters the called rules, callers first, and returns the state. */
    State state() {
      while (!calls.isEmpty()) {
        Map.Entry<Integer, Set<Item>> next = calls.pollFirstEntry();
        Node node = intern(next.getValue().stream().sorted(ORDER).toList());
        follow(new Item(program.start(next.getKey()), node), false);
      }
      items.sort(ORDER);
      return intern(List.copyOf(items), accepting);
    }
  }
}
