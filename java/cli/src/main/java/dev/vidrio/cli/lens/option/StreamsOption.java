package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Capture;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of residual streams and positions to read. */
public final class StreamsOption {
  @Mixin private PositionsOption positions = new PositionsOption();

  @Option(names = "--hooks", paramLabel = "NAMES", description = "The residual streams to read.")
  private String hooks = "*.hook_resid_post";

  /**
   * Returns the capture of a run.
   *
   * @param tokens the number of tokens of the text
   */
  public Capture capture(int tokens) {
    return positions.of(Capture.of(hooks), tokens);
  }
}
