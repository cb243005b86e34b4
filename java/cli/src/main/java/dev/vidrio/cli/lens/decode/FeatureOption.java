package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.lens.decode.sae.LayerChoice;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a feature of a dictionary. */
final class FeatureOption {
  @Option(
      names = "--sae",
      paramLabel = "DIRECTORY",
      required = true,
      description = LayerChoice.DIRECTORY)
  private Path directory = Path.of("");

  @Option(names = "--layer", paramLabel = "N", description = LayerChoice.LAYER)
  private @Nullable Integer layer;

  @Option(
      names = "--feature",
      paramLabel = "N",
      required = true,
      description = "The feature's number.")
  private int number;

  /** Returns the choice of the dictionary. */
  LayerChoice choice() {
    return new LayerChoice(directory, layer);
  }

  /** Returns the number of the feature. */
  int number() {
    return number;
  }
}
