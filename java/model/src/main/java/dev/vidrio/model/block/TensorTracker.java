package dev.vidrio.model.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.weight.WeightType;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;

/** Tracks which tensors of a model file were consumed, so that unknown ones are rejected. */
final class TensorTracker {
  private final Gguf gguf;
  private final Set<String> taken = new HashSet<>();

  /** Tracks a file without any taken tensors. */
  TensorTracker(Gguf gguf) {
    this.gguf = gguf;
  }

  /** Returns whether the file has a tensor. */
  boolean has(String name) {
    return gguf.findTensor(name).isPresent();
  }

  /** Takes a tensor of a shape, fastest dimension first; further dimensions must be 1. */
  GgufTensor take(String name, int... shape) {
    GgufTensor tensor = gguf.tensor(name);
    boolean same = true;
    for (int i = 0; i < Math.max(shape.length, tensor.shape().size()); i++) {
      same &= tensor.dim(i) == (i < shape.length ? shape[i] : 1);
    }
    if (!same) {
      throw new ModelFileException(
          gguf.name(),
          "tensor '" + name + "' shape",
          tensor.shape().toString(),
          "must be " + Arrays.toString(shape));
    }
    taken.add(name);
    return tensor;
  }

  /** Ignores the tensors with a given name prefix. */
  void ignore(String prefix) {
    for (GgufTensor tensor : gguf.tensors()) {
      if (tensor.name().startsWith(prefix)) {
        taken.add(tensor.name());
      }
    }
  }

  /**
   * Checks that all tensors were taken or ignored.
   *
   * @throws UnsupportedModelException if one was not
   */
  void requireAll() {
    for (GgufTensor tensor : gguf.tensors()) {
      if (!taken.contains(tensor.name())) {
        throw new UnsupportedModelException(
            gguf.name(),
            "tensor '" + tensor.name() + "'",
            "the architecture does not have it here");
      }
    }
  }

  /** Returns the weight type of a tensor. */
  WeightType type(GgufTensor tensor) {
    return WeightType.of(tensor.type()).orElseThrow(() -> unsupported(tensor));
  }

  /** Returns an element of a vector. */
  float element(GgufTensor tensor, int i) {
    return switch (tensor.type()) {
      case F32 -> tensor.data().getAtIndex(JAVA_FLOAT_UNALIGNED, i);
      case F16 -> Float.float16ToFloat(tensor.data().getAtIndex(JAVA_SHORT_UNALIGNED, i));
      case BF16 ->
          Float.intBitsToFloat(tensor.data().getAtIndex(JAVA_SHORT_UNALIGNED, i) << Short.SIZE);
      default ->
          throw new UnsupportedModelException(
              gguf.name(),
              "type " + tensor.type() + " of vector '" + tensor.name() + "'",
              "vectors are F32, F16 or BF16");
    };
  }

  private UnsupportedModelException unsupported(GgufTensor tensor) {
    return new UnsupportedModelException(
        gguf.name(),
        "type " + tensor.type() + " of tensor '" + tensor.name() + "'",
        "supported: "
            + Arrays.stream(WeightType.values())
                .map(WeightType::name)
                .collect(Collectors.joining(", ")));
  }
}
