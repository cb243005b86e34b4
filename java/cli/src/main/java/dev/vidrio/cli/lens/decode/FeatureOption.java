package dev.vidrio.cli.lens.decode;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The options of a feature of a sparse autoencoder. */
final class FeatureOption {
  @Option(
      names = "--sae",
      paramLabel = "DIRECTORY",
      required = true,
      description = "A sparse autoencoder, with cfg.json and sae_weights.safetensors.")
  private Path directory = Path.of("");

  @Option(
      names = "--feature",
      paramLabel = "N",
      required = true,
      description = "The feature's number.")
  private int number;

  /** Returns the directory of the autoencoder. */
  Path directory() {
    return directory;
  }

  /** Returns the number of the feature. */
  int number() {
    return number;
  }
}
