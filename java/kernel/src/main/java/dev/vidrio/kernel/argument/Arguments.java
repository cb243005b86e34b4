package dev.vidrio.kernel.argument;

/** Checks of arguments. */
public final class Arguments {
  private Arguments() {}

  /**
   * Requires that a condition holds.
   *
   * @param holds the condition
   * @param otherwise the message of the error
   * @throws IllegalArgumentException if it does not hold
   */
  public static void require(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalArgumentException(otherwise);
    }
  }
}
