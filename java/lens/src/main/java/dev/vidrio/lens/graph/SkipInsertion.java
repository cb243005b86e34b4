package dev.vidrio.lens.graph;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.pass.CopyInsertion;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Inserts the skip connection of a transcoder into a plan, so that gradients pass through it: the
 * output y of a feed-forward block becomes {@code (y − W x) + W x}. The first term, {@link #rest},
 * is to be a constant of the gradient. Values change by rounding only.
 */
final class SkipInsertion {
  private final HookSource source;
  private final Buffer written;
  private final float[][] matrix;
  private final Weights weights;

  /**
   * Copies W into memory of an arena.
   *
   * @param source of x
   * @param written y
   * @param skip W, [width of y][width of x]
   */
  SkipInsertion(Executor executor, Arena arena, HookSource source, Buffer written, float[][] skip) {
    this.source = source;
    this.written = written;
    this.matrix = skip;
    int n = skip.length;
    int k = skip[0].length;
    MemorySegment data = executor.allocate(Math.multiplyExact(Math.multiplyExact(4L, n), k), arena);
    for (int i = 0; i < n; i++) {
      MemorySegment.copy(skip[i], 0, data, JAVA_FLOAT, 4L * k * i, k);
    }
    this.weights =
        new Weights(written.name() + ".W_skip", WeightType.F32, Weights.Layout.ROWS, n, k, data);
  }

  /** Returns the part of y that the skip connection does not explain. */
  static Buffer rest(Buffer written) {
    return written.like(written.name() + ".rest");
  }

  /** Adds W x to a vector. */
  void addProduct(float[] x, float[] sum) {
    for (int j = 0; j < matrix.length; j++) {
      sum[j] += (float) Vectors.dot(matrix[j], x);
    }
  }

  /** Returns operations in which y passes through the skip connection. */
  List<Op> apply(List<Op> ops) {
    List<Op> result = new ArrayList<>();
    for (Op op : ops) {
      if (op.writes().contains(written)) {
        Buffer computed = CopyInsertion.computed(written);
        result.add(op.withOperands(x -> x.equals(written) ? computed : x));
        add(result, computed);
      } else {
        result.add(op);
      }
    }
    return result;
  }

  private void add(List<Op> ops, Buffer computed) {
    Buffer x = source.captured().getFirst();
    if (source instanceof HookSource.Norm(Op.Norm norm, Buffer before, _)) {
      x = before.like(written.name() + ".skip.x");
      ops.add(new Op.Norm(norm.kind(), norm.epsilon(), 1, before, null, null, x, null));
    }
    Buffer skip = written.like(written.name() + ".skip");
    Buffer negative = written.like(written.name() + ".skip.negative");
    ops.add(new Op.MatMul(weights, x, skip));
    ops.add(new Op.Scale(skip, -1, negative));
    ops.add(new Op.Add(computed, negative, rest(written)));
    ops.add(new Op.Add(rest(written), skip, written));
  }
}
