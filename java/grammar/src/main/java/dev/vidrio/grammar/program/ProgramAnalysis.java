package dev.vidrio.grammar.program;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.Map;

/** What is known about the places and rules of a {@link Program} before it runs. */
final class ProgramAnalysis {

  private final String field;
  private final List<Program.Place> places;
  private final int[] starts;
  private final List<String> names;
  private final Map<Integer, Integer> alike;
  // For each place, those that go on there; for each rule, the calls of it and where it starts.
  private final List<List<Integer>> before = new ArrayList<>();
  private final List<List<Integer>> callsOf = new ArrayList<>();
  private final List<List<Integer>> startingAt = new ArrayList<>();

  ProgramAnalysis(
      String field,
      List<Program.Place> places,
      int[] starts,
      List<String> names,
      Map<Integer, Integer> alike) {
    this.field = field;
    this.places = places;
    this.starts = starts;
    this.names = names;
    this.alike = alike;
    places.forEach(place -> before.add(new ArrayList<>(2)));
    places.forEach(place -> startingAt.add(List.of()));
    for (int rule = 0; rule < starts.length; rule++) {
      callsOf.add(new ArrayList<>(2));
      if (startingAt.get(starts[rule]).isEmpty()) {
        startingAt.set(starts[rule], new ArrayList<>(1));
      }
      startingAt.get(starts[rule]).add(rule);
    }
    for (int place = 0; place < places.size(); place++) {
      switch (places.get(place)) {
        case Program.Fork(int first, int second) -> {
          before.get(first).add(place);
          before.get(second).add(place);
        }
        case Program.Bytes(ByteSet set, int then) -> before.get(then).add(place);
        case Program.Call(int rule, int then) -> {
          before.get(then).add(place);
          callsOf.get(rule).add(place);
        }
        case Program.End(), Program.Accept() -> {}
      }
    }
  }

  /**
   * Completes the program.
   *
   * @throws InvalidInputException if it has no text, or a rule may call itself before it takes a
   *     character
   */
  Program program() {
    BitSet live = reachingEnd(true);
    live.set(Program.ACCEPT);
    if (!live.get(starts[0])) {
      throw new InvalidInputException(
          field, "", "allows no text: what it asks for contradicts itself or never ends");
    }
    BitSet nullablePlaces = reachingEnd(false);
    BitSet nullable = new BitSet();
    for (int rule = 0; rule < starts.length; rule++) {
      nullable.set(rule, nullablePlaces.get(starts[rule]));
    }
    int[] order = order(live, nullable);
    return new Program(List.copyOf(places), starts, live, nullable, alike, order);
  }

  /**
   * The places from which the end of their rule can be reached.
   *
   * @param takingBytes whether on ways that take bytes, too
   */
  private BitSet reachingEnd(boolean takingBytes) {
    BitSet found = new BitSet();
    Deque<Integer> todo = new ArrayDeque<>(List.of(Program.END));
    found.set(Program.END);
    while (!todo.isEmpty()) {
      int place = todo.pop();
      List<Integer> candidates = new ArrayList<>(before.get(place));
      startingAt.get(place).forEach(rule -> candidates.addAll(callsOf.get(rule)));
      for (int candidate : candidates) {
        boolean reaches =
            switch (places.get(candidate)) {
              case Program.Bytes(ByteSet set, int then) -> takingBytes && !set.equals(ByteSet.NONE);
              case Program.Call(int rule, int then) -> found.get(then) && found.get(starts[rule]);
              default -> true;
            };
        if (reaches && !found.get(candidate)) {
          found.set(candidate);
          todo.push(candidate);
        }
      }
    }
    return found;
  }

  /** Sorts the rules topologically (Kahn, 1962) by what they may call before taking a byte. */
  private int[] order(BitSet live, BitSet nullable) {
    List<BitSet> first = new ArrayList<>();
    int[] callers = new int[starts.length];
    for (int start : starts) {
      BitSet called = firstCalls(start, live, nullable);
      first.add(called);
      called.stream().forEach(rule -> callers[rule]++);
    }
    int[] order = new int[starts.length];
    int n = 0;
    for (int rule = 0; rule < starts.length; rule++) {
      if (callers[rule] == 0) {
        order[n++] = rule;
      }
    }
    for (int i = 0; i < n; i++) {
      for (int rule : first.get(order[i]).stream().toArray()) {
        if (--callers[rule] == 0) {
          order[n++] = rule;
        }
      }
    }
    if (n < order.length) {
      throw leftRecursion(callers, first);
    }
    return order;
  }

  private BitSet firstCalls(int start, BitSet live, BitSet nullable) {
    BitSet called = new BitSet();
    BitSet seen = new BitSet();
    Deque<Integer> todo = new ArrayDeque<>(List.of(start));
    while (!todo.isEmpty()) {
      int place = todo.pop();
      if (!live.get(place) || seen.get(place)) {
        continue;
      }
      seen.set(place);
      switch (places.get(place)) {
        case Program.Fork(int one, int other) -> {
          todo.push(one);
          todo.push(other);
        }
        case Program.Call(int rule, int then) -> {
          called.set(rule);
          if (nullable.get(rule)) {
            todo.push(then);
          }
        }
        case Program.Bytes b -> {}
        case Program.End(), Program.Accept() -> {}
      }
    }
    return called;
  }

  /** Names a rule of a cycle: every rule that is left is called by another one that is left. */
  private InvalidInputException leftRecursion(int[] callers, List<BitSet> first) {
    int rule = 0;
    while (callers[rule] == 0) {
      rule++;
    }
    for (int i = 0; i < starts.length; i++) {
      int called = rule;
      for (int caller = 0; caller < starts.length; caller++) {
        if (callers[caller] > 0 && first.get(caller).get(called)) {
          rule = caller;
          break;
        }
      }
    }
    return new InvalidInputException(
        field + " rule", names.get(rule), "calls itself before it takes a character");
  }
}
