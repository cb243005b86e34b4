package dev.vidrio.cli.option;

import picocli.CommandLine.Option;

/** The option that trades portable bits for speed. */
public final class FastOption {
  @Option(
      names = "--fast",
      description =
          "Give up portable bits in steps of more than 16 tokens where that is"
              + " faster on this processor; 'vidrio doctor' says where.")
  private boolean asked;

  /** Returns whether {@code --fast} is given. */
  public boolean asked() {
    return asked;
  }
}
