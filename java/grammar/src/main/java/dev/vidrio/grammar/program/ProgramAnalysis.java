package dev.vidrio.grammar.program;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;

/** Computes the static properties of a {@link Program}: liveness, nullability and calling order. */
final class ProgramAnalysis {

  private final ProgramBuilder built;
  private final List<Program.Instruction> instructions;
  private final List<Integer> starts;

  // For each address, its predecessors; for each rule, its calls; for each address, the rules that
  // start there.
  private final List<List<Integer>> before = new ArrayList<>();
  private final List<List<Integer>> callsOf = new ArrayList<>();
  private final List<List<Integer>> startingAt = new ArrayList<>();

  ProgramAnalysis(ProgramBuilder built) {
    this.built = built;
    instructions = built.instructions;
    starts = built.starts;
    instructions.forEach(instruction -> before.add(new ArrayList<>(2)));
    instructions.forEach(instruction -> startingAt.add(List.of()));
    for (int rule = 0; rule < starts.size(); rule++) {
      callsOf.add(new ArrayList<>(2));
      if (startingAt.get(starts.get(rule)).isEmpty()) {
        startingAt.set(starts.get(rule), new ArrayList<>(1));
      }
      startingAt.get(starts.get(rule)).add(rule);
    }
    for (int address = 0; address < instructions.size(); address++) {
      switch (instructions.get(address)) {
        case Program.Fork(int first, int second) -> {
          before.get(first).add(address);
          before.get(second).add(address);
        }
        case Program.Bytes(ByteSet set, int then) -> before.get(then).add(address);
        case Program.Call(int rule, int then) -> {
          before.get(then).add(address);
          callsOf.get(rule).add(address);
        }
        case Program.End(), Program.Accept() -> {}
      }
    }
  }

  /**
   * Completes the program.
   *
   * @throws InvalidInputException if it matches no text or is left-recursive
   */
  Program program() {
    BitSet live = reachingEnd(true);
    live.set(Program.ACCEPT);
    if (!live.get(starts.get(0))) {
      throw new InvalidInputException(
          built.rules.field(), "", "is unsatisfiable: no text matches it");
    }
    BitSet nullableAddresses = reachingEnd(false);
    BitSet nullable = new BitSet();
    for (int rule = 0; rule < starts.size(); rule++) {
      nullable.set(rule, nullableAddresses.get(starts.get(rule)));
    }
    return new Program(
        List.copyOf(instructions),
        starts,
        live,
        nullable,
        built.representatives,
        ranks(live, nullable));
  }

  /**
   * Returns the addresses from which the end of their rule can be reached.
   *
   * @param takingBytes whether by paths that read bytes, too
   */
  private BitSet reachingEnd(boolean takingBytes) {
    BitSet found = new BitSet();
    Deque<Integer> todo = new ArrayDeque<>(List.of(Program.END));
    found.set(Program.END);
    while (!todo.isEmpty()) {
      int address = todo.pop();
      List<Integer> candidates = new ArrayList<>(before.get(address));
      startingAt.get(address).forEach(rule -> candidates.addAll(callsOf.get(rule)));
      for (int candidate : candidates) {
        boolean reaches =
            switch (instructions.get(candidate)) {
              case Program.Bytes(ByteSet set, int then) -> takingBytes && !set.equals(ByteSet.NONE);
              case Program.Call(int rule, int then) ->
                  found.get(then) && found.get(starts.get(rule));
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

  /**
   * Sorts the rules topologically (Kahn, 1962) by the rules that they may call before reading a
   * byte.
   */
  private List<Integer> ranks(BitSet live, BitSet nullable) {
    List<BitSet> first = starts.stream().map(start -> firstCalls(start, live, nullable)).toList();
    int[] callers = new int[starts.size()];
    first.forEach(called -> called.stream().forEach(rule -> callers[rule]++));
    List<Integer> order = new ArrayList<>();
    for (int rule = 0; rule < callers.length; rule++) {
      if (callers[rule] == 0) {
        order.add(rule);
      }
    }
    Integer[] ranks = new Integer[callers.length];
    for (int i = 0; i < order.size(); i++) {
      ranks[order.get(i)] = i;
      for (int rule : first.get(order.get(i)).stream().toArray()) {
        if (--callers[rule] == 0) {
          order.add(rule);
        }
      }
    }
    if (order.size() < ranks.length) {
      throw leftRecursion(callers, first);
    }
    return List.of(ranks);
  }

  private BitSet firstCalls(int start, BitSet live, BitSet nullable) {
    BitSet called = new BitSet();
    BitSet seen = new BitSet();
    Deque<Integer> todo = new ArrayDeque<>(List.of(start));
    while (!todo.isEmpty()) {
      int address = todo.pop();
      if (!live.get(address) || seen.get(address)) {
        continue;
      }
      seen.set(address);
      switch (instructions.get(address)) {
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

  /** Names a rule of a cycle: every remaining rule is called by a remaining rule. */
  private InvalidInputException leftRecursion(int[] callers, List<BitSet> first) {
    int[] firstCaller = new int[starts.size()];
    for (int caller = starts.size() - 1; caller >= 0; caller--) {
      if (callers[caller] > 0) {
        int each = caller;
        first.get(caller).stream().forEach(called -> firstCaller[called] = each);
      }
    }
    int rule = 0;
    while (callers[rule] == 0) {
      rule++;
    }
    for (int i = 0; i < starts.size(); i++) {
      rule = firstCaller[rule];
    }
    return new InvalidInputException(
        built.rules.field() + " rule",
        built.names.get(rule),
        "is left-recursive, which is not supported");
  }
}
