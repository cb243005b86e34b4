package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileErrors;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.lens.Lens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Opens the autoencoders or transcoders of a directory, one for each layer at most, as programs
 * write them:
 *
 * <ul>
 *   <li>SAELens: {@code cfg.json} and {@code sae_weights.safetensors}, or a directory with such
 *       directories;
 *   <li>sparsify: {@code cfg.json} and {@code sae.safetensors} in a directory with the name of the
 *       block, such as {@code layers.3.mlp}, or a directory with such directories;
 *   <li>circuit-tracer: {@code config.yaml} and {@code layer_0.safetensors} and so on.
 * </ul>
 *
 * @see CrossLayerTranscoder
 * @see "docs/lens/graphs.md"
 */
public final class TranscoderFiles {
  private static final String LAYER = "layer_";
  private static final String SAFETENSORS = ".safetensors";

  private TranscoderFiles() {}

  /**
   * Opens transcoders, which the caller closes.
   *
   * @throws InvalidInputException if the directory has none, or cannot be read
   * @throws ModelFileException if a file is missing, damaged or inconsistent
   * @throws dev.vidrio.error.UnsupportedModelException if the kind of transcoder is not supported
   */
  public static List<SparseAutoencoder> open(Lens lens, Path directory) {
    List<SparseAutoencoder> opened = new ArrayList<>();
    try {
      int layers = layers(directory);
      if (layers > 0) {
        CircuitTracerConfig config = CircuitTracerConfig.read(directory);
        for (int l = 0; l < layers; l++) {
          opened.add(CircuitTracerTranscoder.read(lens, layer(directory, l), l, config));
        }
      } else {
        for (Path each : isSingle(directory) ? List.of(directory) : required(directory)) {
          opened.add(
              SparsifyFile.isIn(each)
                  ? SparsifyFile.read(lens, each)
                  : SparseAutoencoder.load(lens.model().executor(), each));
        }
      }
      return List.copyOf(opened);
    } catch (Throwable e) {
      opened.forEach(SparseAutoencoder::close);
      throw e;
    }
  }

  private static Path layer(Path directory, int layer) {
    return directory.resolve(LAYER + layer + SAFETENSORS);
  }

  /** Returns the number of transcoders of circuit-tracer in a directory, by the names of files. */
  public static int layers(Path directory) {
    int count = 0;
    while (FileStatus.exists(layer(directory, count))) {
      count++;
    }
    return count;
  }

  /** Returns whether a directory has the configuration of SAELens or sparsify. */
  public static boolean isSingle(Path directory) {
    return FileStatus.exists(directory.resolve(SaeLensConfig.FILE));
  }

  /**
   * Returns the directories in a directory that have the configuration of SAELens or sparsify,
   * sorted.
   *
   * @throws InvalidInputException if the directory cannot be read
   */
  public static List<Path> singles(Path directory) {
    try (Stream<Path> children = Files.list(directory)) {
      return children.filter(TranscoderFiles::isSingle).sorted().toList();
    } catch (IOException e) {
      throw new InvalidInputException("dictionary", directory.toString(), FileErrors.reason(e));
    }
  }

  private static List<Path> required(Path directory) {
    List<Path> found = singles(directory);
    if (found.isEmpty()) {
      throw new InvalidInputException(
          "dictionary",
          directory.toString(),
          "no cfg.json, in it or in a directory in it, no layer_0.safetensors or"
              + " W_enc_0.safetensors, and no model.safetensors of a crosscoder");
    }
    return found;
  }
}
