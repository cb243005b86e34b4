package dev.vidrio.tokenizer.text;

import dev.vidrio.error.InvalidInputException;

/**
 * Counts the work of changing or cutting one text, so that a hostile model file cannot make it
 * endless.
 */
public final class Meter {

  private static final int STEPS_PER_BYTE = 100;

  private final long limit;
  private long steps;

  /** Makes a meter for a text of {@code length} bytes. */
  public Meter(int length) {
    limit = (long) STEPS_PER_BYTE * length + 10_000;
  }

  public void add(int count) {
    steps += count;
    if (steps > limit) {
      throw new InvalidInputException(
          "text", "", "the model's pipeline takes more than 100 steps for each byte of it");
    }
  }

  public long steps() {
    return steps;
  }
}
