package dev.vidrio.grammar.schema;

import dev.vidrio.grammar.expression.CodePoints;
import dev.vidrio.grammar.expression.Dfa;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
    State start = new State(Phase.START, 0, 0);
    return Dfa.explore(ignored -> {}, start, this::edges, this::isMultiple).minimal();
  }

  /** Returns whether the text so far is a multiple, where missing decimals are 0. */
  private boolean isMultiple(State state) {
    long remainder = state.remainder;
    for (int i = state.digits; i < scale; i++) {
      remainder = remainder * 10 % divisor;
    }
    return remainder == 0 && (state.phase == Phase.INTEGER || state.phase == Phase.FRACTION);
  }

  private Map<State, List<CodePoints>> edges(State state) {
    Map<State, List<CodePoints>> found = new LinkedHashMap<>();
    if (state.phase == Phase.START) {
      add(found, '-', new State(Phase.MINUS, 0, 0));
    }
    if (state.phase == Phase.INTEGER) {
      add(found, '.', new State(Phase.POINT, state.remainder, 0));
    }
    boolean fraction = state.phase == Phase.POINT || state.phase == Phase.FRACTION;
    if (fraction && state.digits == scale) {
      add(found, '0', new State(Phase.FRACTION, state.remainder, scale));
      return found;
    }
    for (int digit = 0; digit <= 9; digit++) {
      int remainder = (state.remainder * 10 + digit) % divisor;
      add(
          found,
          '0' + digit,
          fraction
              ? new State(Phase.FRACTION, remainder, state.digits + 1)
              : new State(Phase.INTEGER, remainder, 0));
    }
    return found;
  }

  private static void add(Map<State, List<CodePoints>> found, int c, State to) {
    found.computeIfAbsent(to, ignored -> new ArrayList<>()).add(CodePoints.of(c));
  }
}
