package dev.vidrio.model.tokenizer;

import dev.vidrio.model.InvalidInputException;

/**
 * Counts the work of changing or cutting one text, so that a hostile model file cannot make it
 * endless.
 */
final class Meter {

  private static final int STEPS_PER_BYTE = 100;

  private final long limit;
  private long steps;

  /** Makes a meter for a text of {@code length} bytes. */
  Meter(int length) {
    limit = (long) STEPS_PER_BYTE * length + 10_000;
  }

  void add(int count) {
    steps += count;
    if (steps > limit) {
      throw new InvalidInputException(
          "text", "", "the model's pipeline takes more than 100 steps for each byte of it");
    }
  }

  long steps() {
    return steps;
  }
}
