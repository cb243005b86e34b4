package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import org.jspecify.annotations.Nullable;

/**
 * A position in a grammar: which tokens may come next. Immutable, so forks of a sequence share a
 * state, and taking tokens back means returning to an earlier one.
 */
public final class ConstraintState {
  private final TokenConstraint constraint;
  private final Pushdown.State state;

  ConstraintState(TokenConstraint constraint, Pushdown.State state) {
    this.constraint = constraint;
    this.state = state;
  }

  /**
   * The ids of the tokens that may come next, as bits: {@code id & 63} of word {@code id >> 6}. The
   * array is shared by all that are at this place, and must not be changed. At least one is set.
   *
   * @throws InvalidInputException when none of the tokenizer's tokens can come next, or the grammar
   *     is too ambiguous to tell
   */
  public long[] mask() {
    return constraint.mask(state);
  }

  /** Whether a token may come next; without the mask of all of them. */
  public boolean allows(int token) {
    return constraint.after(state, token) != null;
  }

  /**
   * The state after one more token.
   *
   * @throws IllegalArgumentException when it is not allowed
   * @throws InvalidInputException when the grammar is too ambiguous to tell
   */
  public ConstraintState after(int token) {
    Pushdown.@Nullable State next = constraint.after(state, token);
    if (next == null) {
      throw new IllegalArgumentException("the grammar does not allow token " + token + " here");
    }
    return next == state ? this : new ConstraintState(constraint, next);
  }

  /** Whether the text may end here. */
  public boolean mayEnd() {
    return state.accepting;
  }

  /** Whether nothing but the end may come. */
  public boolean mustEnd() {
    return state.accepting && state.items.isEmpty();
  }
}
