package dev.vidrio.model.quantize;

import java.nio.file.Path;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Options for quantizing or converting a model.
 *
 * @param type of the file; null keeps the types of matrices
 * @param isPure whether all matrices get the file's type, with no mixture
 * @param importance a file of {@code llama-imatrix} that weighs errors, or null
 * @param progress receives the fraction done, from 0 to 1
 */
public record QuantizeOptions(
    @Nullable FileType type, boolean isPure, @Nullable Path importance, DoubleConsumer progress) {

  /** A file of that type, as the usual mixture, without importance and progress. */
  public static QuantizeOptions of(FileType type) {
    return new QuantizeOptions(type, false, null, fraction -> {});
  }

  /** A file that keeps the types of matrices. */
  public static QuantizeOptions keepTypes() {
    return new QuantizeOptions(null, false, null, fraction -> {});
  }

  /** All matrices of the file's type. */
  public QuantizeOptions pure() {
    return new QuantizeOptions(type, true, importance, progress);
  }

  /** With an importance matrix. */
  public QuantizeOptions withImportance(@Nullable Path file) {
    return new QuantizeOptions(type, isPure, file, progress);
  }

  /** With progress. */
  public QuantizeOptions withProgress(DoubleConsumer consumer) {
    return new QuantizeOptions(type, isPure, importance, consumer);
  }
}
