package dev.vidrio.lens.edit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/** Reads values from a safetensors file, as of {@code lens cache} or SAELens. */
final class TensorFile {
  static final String SUFFIX = ".safetensors";

  private TensorFile() {}

  /**
   * Reads rows of a tensor, along the first axis that the index leaves.
   *
   * @param index numbers or a range for the outermost axes
   */
  static Rows read(Path path, String name, Index index) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      SafetensorsTensor tensor = file.find(name).orElseThrow(() -> missing(file, name));
      String what = path + ": index of " + name;
      List<Long> shape = tensor.shape();
      // The index may have numbers for the outer axes, and then a range of rows.
      int axis = 0;
      long begin = 0;
      while (index.part(axis).single() && axis < shape.size()) {
        begin += range(what, shape, axis, index).from() * elements(shape, ++axis);
      }
      if (index.parts().size() > axis + (shape.size() > axis + 1 ? 1 : 0)) {
        throw new InvalidInputException(what, index, "must be numbers, then a range");
      }
      int count = 1;
      long width = elements(shape, axis);
      if (shape.size() > axis + 1) {
        Index.Range rows = range(what, shape, axis, index);
        width = elements(shape, axis + 1);
        begin += rows.from() * width;
        count = rows.size();
      }
      return new Rows(floats(path, tensor, begin, Math.multiplyExact(count, width)), count);
    }
  }

  private static Index.Range range(String what, List<Long> shape, int axis, Index index) {
    return index.part(axis).of(what, Math.toIntExact(shape.get(axis)));
  }

  /** Returns the number of elements of all axes from an index on. */
  private static long elements(List<Long> shape, int axis) {
    return shape.stream().skip(axis).reduce(1L, Math::multiplyExact);
  }

  private static InvalidInputException missing(Safetensors file, String name) {
    List<String> names = file.tensors().stream().map(SafetensorsTensor::name).toList();
    List<String> near = SimilarNames.of(name, names);
    String hint = near.isEmpty() ? "" : "; did you mean " + near.getFirst() + "?";
    return new InvalidInputException(file.name(), "", "has no tensor '" + name + "'" + hint);
  }

  private static float[] floats(Path path, SafetensorsTensor tensor, long begin, long count) {
    var values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.dtype()) {
            case F32, F16, BF16 -> tensor.element(begin + i);
            default ->
                throw new InvalidInputException(
                    path + ": type of tensor", tensor.name(), "must be F32, F16 or BF16");
          };
    }
    return values;
  }
}
