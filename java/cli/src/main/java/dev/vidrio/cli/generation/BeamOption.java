package dev.vidrio.cli.generation;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.error.InvalidInputException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of beam search. */
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
          "Divide the log-probability by tokens^X; larger values favor long texts. Default: 1.")
  private @Nullable Double lengthPenalty;

  /** Returns the options of the search; null for none. */
  public @Nullable BeamOptions read() {
    if (beams != null) {
      BeamOptions options = BeamOptions.of(beams);
      return lengthPenalty == null ? options : options.withLengthPenalty(lengthPenalty);
    }
    if (lengthPenalty != null) {
      throw new InvalidInputException(
          "--length-penalty", lengthPenalty.toString(), "requires --beams");
    }
    return null;
  }
}
