package dev.vidrio.model.quantize;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.TensorSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Optional;

/**
 * An importance matrix in the GGUF format of {@code llama-imatrix}: for each matrix of a model the
 * sum of the squares of its inputs over a text, {@code NAME.in_sum2} [K, experts], and the number
 * of inputs, {@code NAME.counts} [1, experts].
 *
 * @param gguf the file
 */
record ImportanceMatrix(Gguf gguf) {
  /** Opens a file. */
  static ImportanceMatrix open(Path file, Arena arena) {
    Gguf gguf = Gguf.open(file, arena);
    String type = gguf.metadata().string("general.type");
    if (!type.equals("imatrix")) {
      throw gguf.metadata().error("general.type", "'" + type + "'", "must be 'imatrix'");
    }
    return new ImportanceMatrix(gguf);
  }

  /** Returns the number of matrices. */
  int entries() {
    return (int)
        gguf.tensors().stream().filter(tensor -> tensor.name().endsWith(".in_sum2")).count();
  }

  /** Returns whether a matrix has an importance. */
  boolean has(String name) {
    return gguf.findTensor(name + ".in_sum2").isPresent();
  }

  /**
   * Returns the mean squares of a matrix's inputs, K for each expert, or empty if the matrix has no
   * importance. An expert without inputs gets equal weights.
   */
  Optional<MemorySegment> weights(TensorSource matrix, SegmentAllocator allocator) {
    if (!has(matrix.name())) {
      return Optional.empty();
    }
    long k = matrix.shape().getFirst();
    long experts = matrix.shape().size() > 2 ? matrix.shape().get(2) : 1;
    GgufTensor sums = floats(matrix.name() + ".in_sum2", k, experts);
    GgufTensor counts = floats(matrix.name() + ".counts", 1, experts);
    MemorySegment weights = allocator.allocate(ValueLayout.JAVA_FLOAT, k * experts);
    for (long e = 0; e < experts; e++) {
      float count = counts.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, e);
      for (long i = e * k; i < (e + 1) * k; i++) {
        float sum = sums.data().getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, i);
        float mean = count > 0 ? sum / count : 1;
        if (!(mean >= 0) || Float.isInfinite(mean)) {
          throw error(
              sums, "[" + i + "] " + sum + " of " + count, "must be finite and not negative");
        }
        weights.setAtIndex(ValueLayout.JAVA_FLOAT, i, mean);
      }
    }
    return Optional.of(weights);
  }

  private GgufTensor floats(String name, long k, long experts) {
    GgufTensor tensor = gguf.tensor(name);
    if (tensor.type() != GgmlType.F32 || tensor.dim(0) != k || tensor.rows() != experts) {
      throw error(tensor, tensor.toString(), "must be F32 [" + k + ", " + experts + "]");
    }
    return tensor;
  }

  private ModelFileException error(GgufTensor tensor, String value, String limit) {
    return new ModelFileException(gguf.name(), "tensor '" + tensor.name() + "'", value, limit);
  }
}
