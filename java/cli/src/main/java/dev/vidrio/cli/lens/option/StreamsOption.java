package dev.vidrio.cli.lens.option;

import dev.vidrio.lens.Capture;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which residual streams a command reads, and at which positions. */
public final class StreamsOption {
  @Mixin private PositionsOption positions = new PositionsOption();

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      defaultValue = "*.hook_resid_post",
      description = "The residual streams to read. Default: ${DEFAULT-VALUE}.")
  private String hooks = "*.hook_resid_post";

  public StreamsOption() {}

  /**
   * What to keep of a run.
   *
   * @param tokens of its text
   */
  public Capture capture(int tokens) {
    return positions.of(Capture.of(hooks), tokens);
  }
}
