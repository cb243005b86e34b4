package dev.vidrio.lens.memory;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Reads tensors of finite floats from safetensors files; each method rejects missing tensors, other
 * shapes, types that are not floats, and elements that are not finite.
 */
public final class FloatTensors {
  private FloatTensors() {}

  /** Returns a matrix [n][k]. */
  public static float[][] rows(Safetensors file, String name, int n, int k) {
    SafetensorsTensor tensor = tensor(file, name, n, k);
    var rows = new float[n][k];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < k; j++) {
        rows[i][j] = element(file, tensor, (long) i * k + j);
      }
    }
    return rows;
  }

  /** Returns a matrix of any shape [n][k]; no dimension may be 0, or more than fits an array. */
  public static float[][] matrix(Safetensors file, String name) {
    List<Long> shape = file.find(name).map(SafetensorsTensor::shape).orElse(List.of());
    boolean matrix =
        shape.size() == 2 && shape.stream().allMatch(n -> n > 0 && n <= Integer.MAX_VALUE);
    if (file.find(name).isPresent() && !matrix) {
      throw new ModelFileException(
          file.name(), "shape of tensor '" + name + "'", shape.toString(), "must be a matrix");
    }
    int n = matrix ? Math.toIntExact(shape.getFirst()) : 0;
    return rows(file, name, n, matrix ? Math.toIntExact(shape.getLast()) : 0);
  }

  /** Returns a vector [n]. */
  public static float[] values(Safetensors file, String name, int n) {
    SafetensorsTensor tensor = tensor(file, name, n);
    var values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = element(file, tensor, i);
    }
    return values;
  }

  /** Reads a tensor of a shape, which is empty for a scalar. */
  public static SafetensorsTensor tensor(Safetensors file, String name, int... shape) {
    Optional<SafetensorsTensor> tensor = file.find(name);
    if (tensor.isEmpty()) {
      throw new ModelFileException(file.name(), "tensor '" + name + "'", "", "is missing");
    }
    List<Long> expected = Arrays.stream(shape).mapToObj(Long::valueOf).toList();
    if (!tensor.get().shape().equals(expected)) {
      throw new ModelFileException(
          file.name(),
          "shape of tensor '" + name + "'",
          tensor.get().shape().toString(),
          "must be " + expected);
    }
    return tensor.get();
  }

  /** Returns elements of a tensor. */
  public static float[] range(Safetensors file, SafetensorsTensor tensor, long begin, int count) {
    var values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = element(file, tensor, begin + i);
    }
    return values;
  }

  /** Returns element i of a tensor. */
  public static float element(Safetensors file, SafetensorsTensor tensor, long i) {
    float value =
        switch (tensor.dtype()) {
          case F32, F16, BF16 -> tensor.element(i);
          case F64 -> (float) tensor.data().getAtIndex(JAVA_DOUBLE_UNALIGNED, i);
          default ->
              throw new ModelFileException(
                  file.name(),
                  "type of tensor '" + tensor.name() + "'",
                  tensor.dtype().name(),
                  "must be F32, F64, F16 or BF16");
        };
    if (!Float.isFinite(value)) {
      throw new ModelFileException(
          file.name(),
          "element " + i + " of tensor '" + tensor.name() + "'",
          Float.toString(value),
          "must be finite");
    }
    return value;
  }
}
