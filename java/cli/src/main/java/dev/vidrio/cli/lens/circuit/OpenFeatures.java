package dev.vidrio.cli.lens.circuit;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TranscoderFiles;
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
    if (CrossLayerTranscoder.isIn(directory)) {
      CrossLayerTranscoder opened = CrossLayerTranscoder.open(lens, directory);
      return new OpenFeatures(GraphFeatures.crossLayer(opened), opened::close);
    }
    List<SparseAutoencoder> opened = TranscoderFiles.open(lens, directory);
    Runnable closing = () -> opened.forEach(SparseAutoencoder::close);
    try {
      return new OpenFeatures(GraphFeatures.transcoders(lens, opened), closing);
    } catch (Throwable e) {
      closing.run();
      throw e;
    }
  }

  @Override
  public void close() {
    closing.run();
  }
}
