package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;

/** How much work a grammar's automata may make, so that those of strangers end soon. */
public final class StateBudget {

  /** States of one automaton. */
  private static final int MAX_STATES = 30_000;

  private static final int MAX_ALL_STATES = 200_000;
  private static final long MAX_WORK = 50_000_000;

  private final String field;
  private int states;
  private long work;

  /**
   * Nothing is spent yet.
   *
   * @param field what errors call the grammar
   */
  public StateBudget(String field) {
    this.field = field;
  }

  String field() {
    return field;
  }

  /** Spends a state of an automaton that has so many already. */
  void state(int before) {
    if (before == MAX_STATES || ++states > MAX_ALL_STATES) {
      throw new InvalidInputException(
          field,
          "",
          "is too large together: more than "
              + (before == MAX_STATES
                  ? MAX_STATES + " states"
                  : MAX_ALL_STATES + " states in all"));
    }
  }

  /** Spends work that makes no state. */
  void work(long more) {
    work += more;
    if (work > MAX_WORK) {
      throw new InvalidInputException(
          field, "", "is too large together: more than " + MAX_WORK + " steps");
    }
  }
}
