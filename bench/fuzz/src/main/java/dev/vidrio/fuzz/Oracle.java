package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;

/** States what must hold after an input was parsed. */
final class Oracle {
  private Oracle() {}

  /**
   * Requires a condition.
   *
   * @throws AssertionError if it does not hold, which is a finding
   */
  static void require(boolean holds, String message) {
    if (!holds) {
      throw new AssertionError(message);
    }
  }

  /**
   * Requires two values to be equal.
   *
   * @throws AssertionError if they differ, which is a finding
   */
  static void requireEqual(Object one, Object other, String message) {
    require(one.equals(other), message + ": <" + one + "> and <" + other + ">");
  }

  /**
   * Requires the message of a documented exception to be one printable line.
   *
   * @throws AssertionError if it is not, which is a finding
   */
  static void requireOneLine(ModelException e) {
    require(
        e.getMessage().codePoints().noneMatch(Character::isISOControl),
        "a message with control characters: " + e.getMessage());
  }
}
