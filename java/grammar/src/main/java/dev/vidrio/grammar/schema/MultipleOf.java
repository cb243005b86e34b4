package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Automata of the decimal texts of the multiples of a number. A prefix is represented by its
 * remainder: appending digit d maps n to 10 n + d.
 */
final class MultipleOf {

  private static final int MAX_REMAINDERS = 10_000;
  private static final int MAX_SCALE = 16;

  /** The part of a number being read. */
  private enum Phase {
    START,
    MINUS,
    INTEGER,
    POINT,
    FRACTION
  }

  /**
   * A state.
   *
   * @param digits the number of decimals so far, at most as many as the divisor has
   */
  private record State(Phase phase, int remainder, int digits) {}

  private final int scale;
  private final int divisor;
  private final Map<State, Integer> known = new HashMap<>();
  private final List<State> states = new ArrayList<>();

  private MultipleOf(int scale, int divisor) {
    this.scale = scale;
    this.divisor = divisor;
  }

  /** Returns whether a number has few enough remainders. */
  static boolean isSupported(BigDecimal number) {
    BigDecimal exact = number.stripTrailingZeros();
    return exact.scale() <= MAX_SCALE
        && exact.precision() - exact.scale() <= MAX_SCALE
        && units(exact).compareTo(BigDecimal.valueOf(MAX_REMAINDERS)) <= 0;
  }

  private static BigDecimal units(BigDecimal exact) {
    return exact.scaleByPowerOfTen(Math.max(exact.scale(), 0));
  }

  /** Returns the automaton of texts without exponents, of any length. */
  static Dfa automaton(BigDecimal number) {
    BigDecimal exact = number.stripTrailingZeros();
    return new MultipleOf(Math.max(exact.scale(), 0), units(exact).intValueExact()).build();
  }

  private Dfa build() {
    List<List<Dfa.Edge>> edges = new ArrayList<>();
    BitSet accepting = new BitSet();
    int _ = number(new State(Phase.START, 0, 0));
    for (int i = 0; i < states.size(); i++) {
      State state = states.get(i);
      edges.add(edges(state));
      boolean number = state.phase == Phase.INTEGER || state.phase == Phase.FRACTION;
      accepting.set(i, number && remainder(state) == 0);
    }
    return new Dfa(edges, accepting).minimal();
  }

  /** Returns the remainder of a number whose missing decimals are 0. */
  private int remainder(State state) {
    long remainder = state.remainder;
    for (int i = state.digits; i < scale; i++) {
      remainder = remainder * 10 % divisor;
    }
    return (int) remainder;
  }

  private int number(State state) {
    return known.computeIfAbsent(
        state,
        ignored -> {
          states.add(state);
          return states.size() - 1;
        });
  }

  private List<Dfa.Edge> edges(State state) {
    Map<Integer, List<CodePoints>> found = new HashMap<>();
    if (state.phase == Phase.START) {
      add(found, '-', new State(Phase.MINUS, 0, 0));
    }
    if (state.phase == Phase.INTEGER) {
      add(found, '.', new State(Phase.POINT, state.remainder, 0));
    }
    boolean fraction = state.phase == Phase.POINT || state.phase == Phase.FRACTION;
    for (int digit = 0; digit <= 9; digit++) {
      if (fraction && state.digits == scale) {
        if (digit == 0) {
          add(found, '0', new State(Phase.FRACTION, state.remainder, scale));
        }
        continue;
      }
      int remainder = (state.remainder * 10 + digit) % divisor;
      add(
          found,
          '0' + digit,
          fraction
              ? new State(Phase.FRACTION, remainder, state.digits + 1)
              : new State(Phase.INTEGER, remainder, 0));
    }
    return Dfa.edges(found);
  }

  private void add(Map<Integer, List<CodePoints>> found, int c, State to) {
    found.computeIfAbsent(number(to), ignored -> new ArrayList<>()).add(CodePoints.of(c));
  }
}
