package dev.vidrio.cli.lens.option;

import dev.vidrio.error.InvalidInputException;
import picocli.CommandLine.Option;

/** The option of a position. */
public final class PositionOption {
  @Option(
      names = "--position",
      paramLabel = "N",
      description = "Position of the token; -1 is the last.")
  private int position = -1;

  /** Returns the position, from 0, in a text. */
  public int of(int[] tokens) {
    return of(tokens, "position", position);
  }

  /**
   * Returns a position, from 0, in a text.
   *
   * @param option its name in errors
   * @param position negative numbers count from the end
   */
  public static int of(int[] tokens, String option, int position) {
    int at = position < 0 ? tokens.length + position : position;
    if (at < 0 || at >= tokens.length) {
      throw new InvalidInputException(
          option, Integer.toString(position), "the text has " + tokens.length + " tokens");
    }
    return at;
  }
}
