package dev.vidrio.cli.generation;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.error.InvalidInputException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that have the most likely text searched for. */
public final class BeamOption {
  @Option(
      names = "--beams",
      paramLabel = "K",
      description = "Beam search with K beams, for the most likely text; --temp is 0.")
  private @Nullable Integer beams;

  @Option(
      names = "--length-penalty",
      paramLabel = "X",
      description =
          "Divide the log-probability by tokens^X; larger values favor long texts."
              + " Default: 1.")
  private @Nullable Double lengthPenalty;

  public BeamOption() {}

  /** The search; null where the user asks for none. */
  public @Nullable BeamOptions read() {
    if (beams != null) {
      BeamOptions options = BeamOptions.of(beams);
      return lengthPenalty == null ? options : options.withLengthPenalty(lengthPenalty);
    }
    if (lengthPenalty != null) {
      throw new InvalidInputException(
          "--length-penalty", lengthPenalty.toString(), "is for a search: give --beams too");
    }
    return null;
  }
}
