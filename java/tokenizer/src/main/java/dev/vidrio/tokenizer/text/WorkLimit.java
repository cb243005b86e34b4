package dev.vidrio.tokenizer.text;

import dev.vidrio.error.InvalidInputException;

/**
 * Limits the work of transforming or splitting one text, so that a hostile model file cannot make
 * it endless.
 */
public final class WorkLimit {

  private static final int STEPS_PER_BYTE = 100;

  private final long limit;
  private long steps;

  /** Creates a limit for a text of {@code length} bytes. */
  public WorkLimit(int length) {
    limit = (long) STEPS_PER_BYTE * length + 10_000;
  }

  /**
   * Counts steps.
   *
   * @throws InvalidInputException if the limit is exceeded
   */
  public void add(int count) {
    steps += count;
    if (steps > limit) {
      throw new InvalidInputException(
          "text", "", "the tokenizer's pipeline needs more than 100 steps per byte");
    }
  }

  /** Returns the number of steps so far. */
  public long steps() {
    return steps;
  }
}
