package dev.vidrio.model.huggingface.checkpoint;

import java.util.List;
import java.util.stream.IntStream;

/** Receives the name and the layout in GGUF of each tensor of a checkpoint. */
public interface TensorMap {
  /** Returns whether the checkpoint has a tensor. */
  boolean has(String from);

  /** Takes tensors, together one of GGUF in the given layout. */
  void take(List<String> from, String to, Layout layout);

  /** Ignores a tensor without information: a computed table, a copy of a tied one. */
  void ignore(String from);

  /** Ignores all tensors with a given name prefix. */
  void ignoreAll(String prefix);

  /** Returns this map with names relative to prefixes: those of a layer. */
  default TensorMap in(String from, String to) {
    return new ScopedTensorMap(this, from, to);
  }

  /** Takes a tensor in the given layout. */
  default void take(String from, String to, Layout layout) {
    take(List.of(from), to, layout);
  }

  /** Takes a tensor as it is. */
  default void take(String from, String to) {
    take(from, to, Layout.AS_IS);
  }

  /** Takes a tensor as it is, if it is there. */
  default void takeOptional(String from, String to) {
    if (has(from)) {
      take(from, to);
    }
  }

  /** Takes {@code from.weight} and, if it is there, {@code from.bias}. */
  default void takeLinear(String from, String to) {
    takeLinear(from, to, Layout.AS_IS);
  }

  /** Takes {@code from.weight} and, if it is there, {@code from.bias} in the given layout. */
  default void takeLinear(String from, String to, Layout layout) {
    take(from + ".weight", to + ".weight", layout);
    if (has(from + ".bias")) {
      take(from + ".bias", to + ".bias", layout);
    }
  }

  /**
   * Takes tensors of one shape as a stack.
   *
   * @param pattern their names, with {@code %d} for the index
   */
  default void takeStacked(String pattern, int count, String to) {
    List<String> from = IntStream.range(0, count).mapToObj(i -> pattern.formatted(i)).toList();
    take(from, to, Layout.STACKED);
  }

  /**
   * Takes a matrix [2N, K], or a stack [E, 2N, K], as two of [N, K]: the upper rows of each matrix,
   * and the lower.
   */
  default void takeHalves(String from, String upper, String lower) {
    take(from, upper, Layout.half(0));
    take(from, lower, Layout.half(1));
  }

  /** Adds a vector that the checkpoint does not have. */
  default void addVector(String to, float[] values) {
    take(List.of(), to, Layout.constants(values));
  }
}
