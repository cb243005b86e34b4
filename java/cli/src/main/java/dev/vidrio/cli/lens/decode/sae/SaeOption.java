package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option of a sparse autoencoder. */
public final class SaeOption {
  @Option(
      names = "--sae",
      paramLabel = "DIRECTORY",
      required = true,
      description = "A SAELens directory with cfg.json and sae_weights.safetensors.")
  private Path directory = Path.of("");

  /** Loads the autoencoder. */
  SparseAutoencoder open(Model model) {
    return SparseAutoencoder.load(model.executor(), directory);
  }
}
