package dev.vidrio.lens.decode.probe;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.lens.hook.Hook;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * A map of activations after which no linear classifier recognizes some classes. In a forward pass
 * it shows whether the model uses the classes ({@link AmnesicProbing}).
 *
 * <p>Immutable and thread-safe.
 *
 * @see Leace
 * @see SubspaceEraser
 * @see "docs/lens/probing.md"
 */
public sealed interface ConceptEraser permits Leace, SubspaceEraser {
  /** Returns the number of erased dimensions. */
  int rank();

  /**
   * Returns an activation without the classes.
   *
   * @param x [d]
   */
  float[] erase(float[] x);

  /** Returns an orthonormal basis of what erasure changes, [r] of [d]. */
  List<float[]> directions();

  /** Returns examples with activations that no longer represent the classes. */
  default Examples erase(Examples examples) {
    return examples.withRows(
        Arrays.stream(examples.rows()).map(this::erase).toArray(float[][]::new));
  }

  /** Returns a callback that erases the classes at all tokens in a forward pass. */
  default Hook hook() {
    return rows -> {
      for (int i = 0; i < rows.size(); i++) {
        MemorySegment row = rows.row(i);
        row.copyFrom(MemorySegment.ofArray(erase(row.toArray(JAVA_FLOAT))));
      }
    };
  }
}
