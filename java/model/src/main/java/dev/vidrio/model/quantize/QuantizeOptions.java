package dev.vidrio.model.quantize;

import java.nio.file.Path;
import java.util.function.DoubleConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Options for quantizing or converting a model.
 *
 * @param type the type of the file; null keeps the types of matrices
 * @param isPure if true, all matrices get the file's type, without a mixture
 * @param importance a file of {@code llama-imatrix} that weights errors, or null
 * @param progress receives the fraction done, from 0 to 1
 */
public record QuantizeOptions(
    @Nullable FileType type, boolean isPure, @Nullable Path importance, DoubleConsumer progress) {

  /**
   * Returns options for a file of a type with the usual mixture, without importance and progress.
   */
  public static QuantizeOptions of(FileType type) {
    return new QuantizeOptions(type, false, null, fraction -> {});
  }

  /** Returns options that keep the types of matrices. */
  public static QuantizeOptions keepTypes() {
    return new QuantizeOptions(null, false, null, fraction -> {});
  }

  /** Returns a copy that gives all matrices the file's type. */
  public QuantizeOptions pure() {
    return new QuantizeOptions(type, true, importance, progress);
  }

  /** Returns a copy with an importance matrix, or none. */
  public QuantizeOptions withImportance(@Nullable Path file) {
    return new QuantizeOptions(type, isPure, file, progress);
  }

  /** Returns a copy with a progress listener. */
  public QuantizeOptions withProgress(DoubleConsumer consumer) {
    return new QuantizeOptions(type, isPure, importance, consumer);
  }
}
