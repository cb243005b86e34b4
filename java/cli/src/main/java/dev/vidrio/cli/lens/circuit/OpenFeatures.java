package dev.vidrio.cli.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.lens.graph.GraphFeatures;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The features of a graph, with the transcoders that they belong to. */
record OpenFeatures(GraphFeatures features, Runnable closing) implements AutoCloseable {
  /**
   * Opens the transcoders of a directory.
   *
   * @param directory or null for neurons
   */
  static OpenFeatures of(Lens lens, @Nullable Path directory) {
    if (directory == null) {
      return new OpenFeatures(GraphFeatures.neurons(), () -> {});
    }
    DictionaryFile file = DictionaryFile.open(lens, directory);
    try {
      return new OpenFeatures(features(lens, file, directory), file::close);
    } catch (Throwable e) {
      file.close();
      throw e;
    }
  }

  private static GraphFeatures features(Lens lens, DictionaryFile file, Path directory) {
    return switch (file) {
      case DictionaryFile.Single(List<SparseAutoencoder> transcoders) ->
          GraphFeatures.transcoders(lens, transcoders);
      case DictionaryFile.CrossLayer(CrossLayerTranscoder transcoder) ->
          GraphFeatures.crossLayer(transcoder);
      case DictionaryFile.Shared _ -> throw unsupported(directory, "a crosscoder");
      case DictionaryFile.Temporal _ -> throw unsupported(directory, "a temporal autoencoder");
    };
  }

  private static InvalidInputException unsupported(Path directory, String kind) {
    return new InvalidInputException(
        "transcoders", directory.toString(), "is " + kind + ", which a graph does not support");
  }

  @Override
  public void close() {
    closing.run();
  }
}
