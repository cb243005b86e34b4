package dev.vidrio.lens.decode.sae.file;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TranscoderFiles;
import dev.vidrio.lens.decode.sae.cross.Crosscoder;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The dictionaries of a directory, in any format that Vidrio reads: autoencoders and transcoders of
 * SAELens, transcoders of sparsify and circuit-tracer, cross-layer transcoders of circuit-tracer,
 * crosscoders of dictionary_learning.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="dictionary"}
 *
 * @see "docs/lens/dictionaries.md"
 */
public sealed interface DictionaryFile extends AutoCloseable {
  /** Autoencoders or transcoders, one or more. */
  record Single(List<SparseAutoencoder> autoencoders) implements DictionaryFile {
    public Single {
      autoencoders = List.copyOf(autoencoders);
    }

    @Override
    public List<? extends FeatureDictionary> dictionaries() {
      return autoencoders;
    }

    @Override
    public void close() {
      autoencoders.forEach(SparseAutoencoder::close);
    }
  }

  /** A cross-layer transcoder; its dictionaries are the features of each layer. */
  record CrossLayer(CrossLayerTranscoder transcoder) implements DictionaryFile {
    @Override
    public List<? extends FeatureDictionary> dictionaries() {
      return IntStream.range(0, transcoder.layers()).mapToObj(transcoder::dictionary).toList();
    }

    @Override
    public void close() {
      transcoder.close();
    }
  }

  /** A crosscoder. */
  record Shared(Crosscoder crosscoder) implements DictionaryFile {
    @Override
    public List<? extends FeatureDictionary> dictionaries() {
      return List.of(crosscoder);
    }

    @Override
    public void close() {
      crosscoder.close();
    }
  }

  /**
   * Opens a directory; the caller closes the result.
   *
   * @throws dev.vidrio.error.InvalidInputException if the directory has no dictionary, or cannot be
   *     read
   * @throws dev.vidrio.error.ModelFileException if a file is missing, damaged or inconsistent, or
   *     does not fit the model
   * @throws dev.vidrio.error.UnsupportedModelException if the kind is not supported
   */
  static DictionaryFile open(Lens lens, Path directory) {
    if (Crosscoder.isIn(directory)) {
      return new Shared(Crosscoder.open(lens.model().executor(), directory));
    }
    return CrossLayerTranscoder.isIn(directory)
        ? new CrossLayer(CrossLayerTranscoder.open(lens, directory))
        : new Single(TranscoderFiles.open(lens, directory));
  }

  /** Returns the features by the activations that they read, in the order of layers. */
  List<? extends FeatureDictionary> dictionaries();

  @Override
  void close();
}
