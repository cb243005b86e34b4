package dev.vidrio.lens;

import dev.vidrio.error.InvalidInputException;
import java.util.function.Supplier;

/**
 * A limit of the tokens that a session of the lens runs at a time, for work on behalf of others:
 * its memory grows with them. Without one, the context length of the model is the limit.
 */
public final class TokenLimit {
  /** Texts of the maximum length that a session may run at once. */
  private static final int SEQUENCES = 16;

  private static final ScopedValue<Integer> TOKENS = ScopedValue.newInstance();

  private TokenLimit() {}

  /**
   * Runs work with a limit, which holds for the sessions that the current thread opens meanwhile.
   *
   * @param tokens the maximum number of tokens of a text; a session of several texts may have 16
   *     times as many in all
   */
  public static <T> T call(int tokens, Supplier<T> work) {
    return ScopedValue.where(TOKENS, tokens).call(work::get);
  }

  /**
   * Rejects a session that is too large.
   *
   * @param context the maximum number of tokens of a text
   * @param sequences the number of texts
   * @throws InvalidInputException if it exceeds the limit
   */
  static void check(int context, int sequences) {
    if (!TOKENS.isBound()) {
      return;
    }
    int most = TOKENS.get();
    InvalidInputException.requireRange("tokens of a text", context, 0, most);
    long all = (long) context * sequences;
    InvalidInputException.requireRange(
        "tokens of " + sequences + " texts", all, 0, (long) SEQUENCES * most);
  }
}
