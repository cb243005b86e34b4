package dev.vidrio.cli.option;

import picocli.CommandLine.Option;

/** The option that gives up equal bits for speed. */
public final class FastOption {
  @Option(
      names = "--fast",
      description =
          "Let products of more than 16 tokens leave the promise of equal bits where this processor"
              + " gains by it: 'vidrio doctor' says where.")
  private boolean asked;

  public FastOption() {}

  public boolean asked() {
    return asked;
  }
}
