package dev.vidrio.cli.lens.decode.sae;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a dictionary: a sparse autoencoder, transcoders or a crosscoder. */
public final class SaeOption {
  @Option(
      names = "--sae",
      paramLabel = "DIRECTORY",
      required = true,
      description = LayerChoice.DIRECTORY)
  private Path directory = Path.of("");

  @Option(names = "--layer", paramLabel = "N", description = LayerChoice.LAYER)
  private @Nullable Integer layer;

  LayerChoice choice() {
    return new LayerChoice(directory, layer);
  }
}
