package dev.vidrio.lens.hook;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * The values of a hook point for the captured positions of a text.
 *
 * @param point the hook point
 * @param shape the axes of {@link dev.vidrio.kernel.hook.HookSite.Axes}, outermost first, where n
 *     is the number of captured positions
 * @param data f32 in row-major order, valid until the cache is closed
 */
public record Activation(HookPoint point, List<Integer> shape, MemorySegment data) {
  public Activation {
    shape = List.copyOf(shape);
    if (data.byteSize() != bytes(shape)) {
      throw new IllegalArgumentException(
          point + ": " + data.byteSize() + " bytes do not hold " + shape);
    }
  }

  /** Returns the number of bytes of values of a shape. */
  public static long bytes(List<Integer> shape) {
    long bytes = Float.BYTES;
    for (int size : shape) {
      bytes = Math.multiplyExact(bytes, size);
    }
    return bytes;
  }

  /** Returns the number of values. */
  public long elements() {
    return data.byteSize() / Float.BYTES;
  }

  /**
   * Returns one value.
   *
   * @param index one number per axis; negative numbers count from the end
   */
  public float at(int... index) {
    return data.getAtIndex(JAVA_FLOAT, element(index));
  }

  /**
   * Sets one value.
   *
   * @param index one number per axis; negative numbers count from the end
   */
  public void set(float value, int... index) {
    data.setAtIndex(JAVA_FLOAT, element(index), value);
  }

  private long element(int... index) {
    if (index.length != shape.size()) {
      throw new IllegalArgumentException(
          point + ": " + index.length + " indices for the shape " + shape);
    }
    long at = 0;
    for (int i = 0; i < index.length; i++) {
      at = at * shape.get(i) + fromTheStart(index[i], shape.get(i));
    }
    return at;
  }

  private static int fromTheStart(int index, int size) {
    return Objects.checkIndex(index < 0 ? index + size : index, size);
  }

  /** Returns row i along the first axis with all inner axes; −1 is the last row. */
  public float[] row(int i) {
    long size = elements() / shape.getFirst();
    long begin = fromTheStart(i, shape.getFirst()) * size * Float.BYTES;
    return data.asSlice(begin, size * Float.BYTES).toArray(JAVA_FLOAT);
  }

  /** Returns all values. */
  public float[] toArray() {
    return data.toArray(JAVA_FLOAT);
  }

  /** Returns {@link #row} of all indices of the first axis. */
  public float[][] rows() {
    return IntStream.range(0, shape.getFirst()).mapToObj(this::row).toArray(float[][]::new);
  }

  /** Returns the name and the shape, such as {@code hook_embed [8, 256]}. */
  @Override
  public String toString() {
    return point + " " + shape;
  }
}
