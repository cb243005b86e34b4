package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of a dictionary: a sparse autoencoder, transcoders or a crosscoder. */
public final class SaeOption {
  @Option(
      names = "--sae",
      paramLabel = "DIRECTORY",
      required = true,
      description =
          "A directory with a sparse autoencoder, transcoders or a crosscoder, as SAELens,"
              + " sparsify, circuit-tracer or dictionary_learning write them.")
  private Path directory = Path.of("");

  @Option(
      names = "--layer",
      paramLabel = "N",
      description = "The layer that features read, if the directory has several.")
  private @Nullable Integer layer;

  Path directory() {
    return directory;
  }

  /** Opens the directory. */
  DictionaryFile open(Lens lens) {
    return DictionaryFile.open(lens, directory);
  }

  /** Returns the dictionaries of a file: all, or those of the layer. */
  List<FeatureDictionary> chosen(Lens lens, DictionaryFile file) {
    List<FeatureDictionary> all = List.copyOf(file.dictionaries());
    if (layer == null) {
      return all;
    }
    List<FeatureDictionary> chosen =
        all.stream().filter(dictionary -> layer(lens, dictionary) == layer).toList();
    if (chosen.isEmpty()) {
      throw new UsageException("--layer %d: available: %s".formatted(layer, layers(lens, all)));
    }
    return chosen;
  }

  /** Returns the only dictionary of a file, or that of the layer. */
  FeatureDictionary one(Lens lens, DictionaryFile file) {
    List<FeatureDictionary> chosen = chosen(lens, file);
    if (chosen.size() > 1) {
      throw new UsageException(
          "--sae %s: has several layers; --layer must be one of %s"
              .formatted(directory, layers(lens, chosen)));
    }
    return chosen.getFirst();
  }

  private static List<Integer> layers(Lens lens, List<FeatureDictionary> dictionaries) {
    return dictionaries.stream().map(dictionary -> layer(lens, dictionary)).toList();
  }

  /** Returns the layer of the first hook point that a dictionary reads. */
  static int layer(Lens lens, FeatureDictionary dictionary) {
    return DictionaryInputs.of(lens, dictionary).points().getFirst().layer();
  }
}
