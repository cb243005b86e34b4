package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.DictionaryInputs;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The choice of {@code --sae} and {@code --layer} among the dictionaries of a directory.
 *
 * @param layer that features read; null if not given
 */
public record LayerChoice(Path directory, @Nullable Integer layer) {
  /** The description of {@code --sae}. */
  public static final String DIRECTORY =
      "A directory with a sparse autoencoder, transcoders or a crosscoder, as SAELens, sparsify,"
          + " circuit-tracer or dictionary_learning write them.";

  /** The description of {@code --layer}. */
  public static final String LAYER = "The layer that features read, if the directory has several.";

  /** Opens the directory. */
  public DictionaryFile open(Lens lens) {
    return DictionaryFile.open(lens, directory);
  }

  /** Returns the dictionaries of the open directory: all, or those of the layer. */
  List<FeatureDictionary> all(Lens lens, DictionaryFile file) {
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

  /** Returns the only dictionary of the open directory, or that of the layer. */
  public FeatureDictionary one(Lens lens, DictionaryFile file) {
    List<FeatureDictionary> chosen = all(lens, file);
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
