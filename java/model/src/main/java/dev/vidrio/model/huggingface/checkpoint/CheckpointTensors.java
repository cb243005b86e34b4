package dev.vidrio.model.huggingface.checkpoint;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The tensors of a checkpoint, checked on access; tracks which were not accessed. */
final class CheckpointTensors {
  private final String directory;
  private final Map<String, SafetensorsTensor> checkpoint;
  private final Set<String> taken = new HashSet<>();

  CheckpointTensors(String directory, Map<String, SafetensorsTensor> checkpoint) {
    this.directory = directory;
    this.checkpoint = checkpoint;
  }

  boolean has(String name) {
    return checkpoint.containsKey(name);
  }

  SafetensorsTensor get(String name) {
    SafetensorsTensor tensor = checkpoint.get(name);
    if (tensor == null) {
      throw new ModelFileException(directory, "tensor '" + name + "'", "", "is missing");
    }
    taken.add(name);
    return tensor;
  }

  /** Returns a vector of n elements. */
  SafetensorsTensor vector(String name, int n) {
    SafetensorsTensor tensor = get(name);
    if (!tensor.shape().equals(List.of((long) n))) {
      throw error(tensor, "must be [" + n + "]");
    }
    return tensor;
  }

  /** Returns a tensor of n rows. */
  SafetensorsTensor rows(String name, int rows) {
    SafetensorsTensor tensor = get(name);
    if (tensor.shape().isEmpty() || tensor.shape().getFirst() != rows) {
      throw error(tensor, "must have " + rows + " rows");
    }
    return tensor;
  }

  /**
   * Returns a matrix.
   *
   * @param rows required number of rows; 0 for any
   * @param columns required number of columns; 0 for any
   */
  SafetensorsTensor matrix(String name, int rows, int columns) {
    SafetensorsTensor tensor = get(name);
    List<Long> shape = tensor.shape();
    boolean fits =
        shape.size() == 2
            && (rows == 0 || shape.get(0) == rows)
            && (columns == 0 || shape.get(1) == columns);
    if (!fits || shape.get(0) > Config.MAX_SIZE) {
      String limit = "must be [" + (rows == 0 ? "N" : rows) + ", " + (columns == 0 ? "K" : columns);
      throw error(tensor, limit + "]");
    }
    return tensor;
  }

  /**
   * Returns the shape of a tensor, which must have the given number of dimensions, none of them 0.
   */
  List<Long> requireStack(SafetensorsTensor tensor, int dimensions) {
    if (tensor.shape().size() != dimensions || tensor.shape().contains(0L)) {
      throw error(tensor, "must have " + dimensions + " dimensions");
    }
    return tensor.shape();
  }

  /** Returns the number of steps in a size. */
  long strided(SafetensorsTensor tensor, long size, int step) {
    if (size % step != 0) {
      throw error(tensor, "must be a multiple of " + step);
    }
    return size / step;
  }

  /** Returns the type of a tensor's elements, which must be floats. */
  GgmlType type(SafetensorsTensor tensor) {
    return switch (tensor.dtype()) {
      case F32 -> GgmlType.F32;
      case F16 -> GgmlType.F16;
      case BF16 -> GgmlType.BF16;
      default ->
          throw new UnsupportedModelException(
              directory,
              "dtype " + tensor.dtype() + " of tensor '" + tensor.name() + "'",
              "supported: " + List.of(Dtype.F32, Dtype.F16, Dtype.BF16));
    };
  }

  ModelFileException error(SafetensorsTensor tensor, String limit) {
    return new ModelFileException(
        directory, "tensor '" + tensor.name() + "' shape", tensor.shape().toString(), limit);
  }

  void ignore(String name) {
    taken.add(name);
  }

  void ignoreAll(String prefix) {
    checkpoint.keySet().stream().filter(name -> name.startsWith(prefix)).forEach(taken::add);
  }

  /**
   * Checks that all tensors were accessed or ignored.
   *
   * @throws UnsupportedModelException naming one that was not
   */
  void requireAllTaken() {
    for (String name : checkpoint.keySet()) {
      if (!taken.contains(name)) {
        throw new UnsupportedModelException(
            directory, "tensor '" + name + "'", "the architecture does not have it here");
      }
    }
  }
}
