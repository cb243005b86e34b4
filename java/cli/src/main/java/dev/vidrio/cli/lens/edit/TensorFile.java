package dev.vidrio.cli.lens.edit;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.error.SimilarNames;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;

/** Values from a safetensors file, such as 'lens cache' and SAELens write them. */
final class TensorFile {
  static final String SUFFIX = ".safetensors";

  private TensorFile() {}

  /**
   * Rows of a tensor: along its first axis, or what an index leaves of it.
   *
   * @param index numbers or a range for the outermost axes
   */
  static Rows read(Path path, String name, Index index) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      SafetensorsTensor tensor =
          file.find(name).orElseThrow(() -> new CommandException(missing(file, name)));
      String what = path + ": index of " + name;
      List<Long> shape = tensor.shape();
      // All but the innermost axis may be chosen from: numbers first, then rows of what is left.
      int axis = 0;
      long begin = 0;
      while (index.part(axis).single() && axis < shape.size()) {
        begin += range(what, shape, axis, index).from() * elements(shape, ++axis);
      }
      if (index.parts().size() > axis + (shape.size() > axis + 1 ? 1 : 0)) {
        throw new CommandException(what + " " + index + ": must be numbers, and then a range");
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

  /** Elements of all axes from one on. */
  private static long elements(List<Long> shape, int axis) {
    return shape.stream().skip(axis).reduce(1L, Math::multiplyExact);
  }

  private static String missing(Safetensors file, String name) {
    List<String> names = file.tensors().stream().map(SafetensorsTensor::name).toList();
    List<String> near = SimilarNames.of(name, names);
    return file.name()
        + ": has no tensor '"
        + name
        + "'"
        + (near.isEmpty() ? "" : "; near is " + near.getFirst());
  }

  private static float[] floats(Path path, SafetensorsTensor tensor, long begin, long count) {
    var values = new float[Math.toIntExact(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (tensor.dtype()) {
            case F32, F16, BF16 -> tensor.element(begin + i);
            default ->
                throw new CommandException(
                    path + ": type of tensor '" + tensor.name() + "' must be F32, F16 or BF16");
          };
    }
    return values;
  }
}
