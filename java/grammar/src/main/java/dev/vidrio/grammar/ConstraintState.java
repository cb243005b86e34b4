package dev.vidrio.grammar;

import dev.vidrio.error.InvalidInputException;
import org.jspecify.annotations.Nullable;

/**
 * A position in a constrained text: the set of tokens that may come next.
 *
 * {@snippet file="GrammarExamples.java" region="constraint"}
 *
 * <p>Immutable and thread-safe. Forks of a sequence share a state, and rolling back tokens means
 * returning to an earlier state.
 *
 * @see TokenConstraint#start
 */
public final class ConstraintState {
  private final TokenConstraint constraint;
  private final Pushdown.State state;

  ConstraintState(TokenConstraint constraint, Pushdown.State state) {
    this.constraint = constraint;
    this.state = state;
  }

  /**
   * Returns the ids of the tokens that may come next as a bit set: bit {@code id & 63} of word
   * {@code id >> 6}. At least one bit is set. The array is shared by equal states and must not be
   * modified.
   *
   * @throws InvalidInputException if none of the tokenizer's tokens can come next, or the grammar
   *     is too ambiguous
   */
  public long[] mask() {
    return constraint.mask(state);
  }

  /** Returns whether a token may come next, without computing the mask. */
  public boolean allows(int token) {
    return constraint.after(state, token) != null;
  }

  /**
   * Returns the state after one more token.
   *
   * @throws IllegalArgumentException if the token is not allowed
   * @throws InvalidInputException if the grammar is too ambiguous
   */
  public ConstraintState after(int token) {
    Pushdown.@Nullable State next = constraint.after(state, token);
    if (next == null) {
      throw new IllegalArgumentException("the grammar does not allow token " + token + " here");
    }
    return next == state ? this : new ConstraintState(constraint, next);
  }

  /** Returns whether the text may end here. */
  public boolean mayEnd() {
    return state.accepting;
  }

  /** Returns whether the text must end here, because nothing else may follow. */
  public boolean mustEnd() {
    return state.accepting && state.items.isEmpty();
  }
}
