package dev.vidrio.grammar.expression;

import dev.vidrio.error.InvalidInputException;

/** Limits the total size of a grammar's automata, so that hostile sources fail fast. */
public final class StateBudget {

  /** The maximum number of states of one automaton. */
  private static final int MAX_STATES = 30_000;

  private static final int MAX_ALL_STATES = 200_000;
  private static final long MAX_WORK = 50_000_000;

  private final String field;
  private int states;
  private long work;

  /**
   * Creates a full budget.
   *
   * @param field the name of the grammar in errors
   */
  public StateBudget(String field) {
    this.field = field;
  }

  /**
   * Charges one state.
   *
   * @param before the number of states that the automaton already has
   */
  void state(int before) {
    if (before == MAX_STATES || ++states > MAX_ALL_STATES) {
      throw new InvalidInputException(
          field,
          "",
          "is too large: its automata need more than "
              + (before == MAX_STATES
                  ? MAX_STATES + " states"
                  : MAX_ALL_STATES + " states in total"));
    }
  }

  /** Charges work that creates no state. */
  void work(long more) {
    work += more;
    if (work > MAX_WORK) {
      throw new InvalidInputException(
          field, "", "is too large: its automata need more than " + MAX_WORK + " steps");
    }
  }
}
