package dev.vidrio.cli;

import picocli.CommandLine.Option;

/** The option that gives up equal bits for speed. */
final class FastOption {
  @Option(
      names = "--fast",
      description = {
        "Let products of more than 16 tokens leave the promise of equal bits where this processor",
        "gains by it: 'vidrio doctor' says where."
      })
  private boolean asked;

  FastOption() {}

  boolean asked() {
    return asked;
  }
}
