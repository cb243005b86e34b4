package dev.vidrio.lens.decode.sae.file;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TemporalAutoencoder;
import dev.vidrio.lens.decode.sae.TranscoderFiles;
import dev.vidrio.lens.decode.sae.cross.Crosscoder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
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

  /** A temporal autoencoder. */
  record Temporal(TemporalAutoencoder autoencoder) implements DictionaryFile {
    @Override
    public List<? extends FeatureDictionary> dictionaries() {
      return List.of(autoencoder);
    }

    @Override
    public void close() {
      autoencoder.close();
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

  /** The kinds of directories that {@link #open} reads. */
  enum Kind {
    /** An autoencoder or transcoder of SAELens or sparsify. */
    SINGLE,
    /** A temporal autoencoder of SAELens. */
    TEMPORAL,
    /** A directory with directories of {@link #SINGLE}, which can also be opened one by one. */
    DIRECTORIES,
    /** Transcoders of circuit-tracer, one for each layer. */
    LAYERS,
    /** A cross-layer transcoder of circuit-tracer. */
    CROSS_LAYER,
    /** A crosscoder of dictionary_learning. */
    CROSSCODER
  }

  /**
   * The dictionaries of a directory that is not open.
   *
   * @param layers number of layers, from 0 on, for which the directory has files; 0 if the files
   *     are not numbered by layers
   */
  record Contents(Kind kind, int layers) {}

  /**
   * Returns the dictionaries of a directory by the names of its files, without reading weights;
   * empty if it has none. {@link #open} may still reject the files.
   *
   * @throws dev.vidrio.error.InvalidInputException if the directory cannot be read
   */
  static Optional<Contents> contents(Path directory) {
    if (Crosscoder.isIn(directory)) {
      return Optional.of(new Contents(Kind.CROSSCODER, 0));
    }
    int crossed = CrossLayerTranscoder.layers(directory);
    if (crossed > 0) {
      return Optional.of(new Contents(Kind.CROSS_LAYER, crossed));
    }
    int layers = TranscoderFiles.layers(directory);
    if (layers > 0) {
      return Optional.of(new Contents(Kind.LAYERS, layers));
    }
    if (TranscoderFiles.isSingle(directory)) {
      boolean temporal = TemporalAutoencoder.isIn(directory);
      return Optional.of(new Contents(temporal ? Kind.TEMPORAL : Kind.SINGLE, 0));
    }
    return TranscoderFiles.singles(directory).isEmpty()
        ? Optional.empty()
        : Optional.of(new Contents(Kind.DIRECTORIES, 0));
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
    Kind kind = contents(directory).map(Contents::kind).orElse(Kind.DIRECTORIES);
    return switch (kind) {
      case CROSSCODER -> new Shared(Crosscoder.open(lens.model().executor(), directory));
      case CROSS_LAYER -> new CrossLayer(CrossLayerTranscoder.open(lens, directory));
      case TEMPORAL -> new Temporal(TemporalAutoencoder.load(lens.model().executor(), directory));
      // Rejects a directory without dictionaries.
      case SINGLE, DIRECTORIES, LAYERS -> new Single(TranscoderFiles.open(lens, directory));
    };
  }

  /** Returns the features by the activations that they read, in the order of layers. */
  List<? extends FeatureDictionary> dictionaries();

  @Override
  void close();
}
