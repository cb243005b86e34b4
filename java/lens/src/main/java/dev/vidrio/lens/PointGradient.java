package dev.vidrio.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.memory.DerivedPlan;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The gradient at a hook point: that of a buffer of the plan, or for points within an operation
 * (patterns and scores of attention, x̂ and divisors of norms, head results) derived from the
 * gradient of the operation's output.
 *
 * @param gradient the buffer with the gradient that it is derived from
 * @param values the other buffers that it is derived from
 */
record PointGradient(HookSource source, Buffer gradient, List<Buffer> values) {
  /** Returns the gradient at a point. */
  static PointGradient of(HookMap hooks, HookPoint point) {
    HookSource source = hooks.source(point);
    return switch (source) {
      case HookSource.Written(Buffer buffer) -> new PointGradient(source, buffer, List.of(buffer));
      case HookSource.Norm(Op.Norm norm, Buffer ignored, boolean divisor) ->
          new PointGradient(
              source, hooks.unedited(norm.y()), divisor ? List.of(norm.x()) : List.of());
      case HookSource.HeadResults results ->
          new PointGradient(source, hooks.unedited(hooks.product(results.z()).y()), List.of());
      case HookSource.Scores(SequenceOp.Attention attention, Buffer k, boolean ignored) ->
          new PointGradient(
              source,
              hooks.unedited(attention.z()),
              List.of(hooks.values(attention), attention.q(), k));
      case HookSource.HeadRows ignored ->
          throw new InvalidInputException(
              "hook", point.name(), "has no gradient, since attention is edited");
    };
  }

  /**
   * Returns the f32 gradient at the point.
   *
   * @param dy the gradient of {@link #gradient}
   * @param data returns the values of a buffer
   */
  MemorySegment of(MemorySegment dy, Function<Buffer, MemorySegment> data, Executor executor) {
    return switch (source) {
      case HookSource.Written ignored -> dy;
      case HookSource.Norm(Op.Norm norm, Buffer ignored, boolean divisor) ->
          MemorySegment.ofArray(
              divisor ? scales(norm, dy, data.apply(norm.x())) : normalized(norm, dy));
      case HookSource.HeadResults results -> MemorySegment.ofArray(results(results.heads(), dy));
      case HookSource.Scores scores ->
          MemorySegment.ofArray(scores(scores, dy, data.apply(values.getFirst()), data, executor));
      case HookSource.HeadRows ignored -> throw new IllegalStateException("has no gradient");
    };
  }

  /** γ ⊙ dy. */
  private static float[] normalized(Op.Norm norm, MemorySegment dy) {
    float[] dx = dy.toArray(JAVA_FLOAT);
    @Nullable Weights gain = norm.gain();
    for (int i = 0; gain != null && i < dx.length; i++) {
      int head = i / norm.d();
      dx[i] *= gain.data().getAtIndex(JAVA_FLOAT, norm.affineOffset(head) + i % norm.d());
    }
    return dx;
  }

  /** −⟨γ ⊙ dy, x̂⟩ / σ: a larger divisor shrinks all of x̂. */
  private static float[] scales(Op.Norm norm, MemorySegment dy, MemorySegment x) {
    float[] dx = normalized(norm, dy);
    float[] all = x.toArray(JAVA_FLOAT);
    int d = norm.d();
    var gradients = new float[dx.length / d];
    for (int head = 0; head < gradients.length; head++) {
      float[] row = Arrays.copyOfRange(all, head * d, (head + 1) * d);
      float[] own = Arrays.copyOfRange(dx, head * d, (head + 1) * d);
      double sum = Vectors.dot(own, NormValues.normalized(norm, row));
      gradients[head] = (float) (-sum / NormValues.scale(norm, row));
    }
    return gradients;
  }

  /**
   * Repeats the gradient of the output, which is the sum of the heads, for each head: [n, H, d].
   */
  private float[] results(int heads, MemorySegment dy) {
    float[] rows = dy.toArray(JAVA_FLOAT);
    int d = gradient.width();
    var all = new float[Math.multiplyExact(rows.length, heads)];
    for (int row = 0; row < all.length / d; row++) {
      System.arraycopy(rows, row / heads * d, all, row * d, d);
    }
    return all;
  }

  /** dP[h][i][j] = ⟨dz_i, v_j⟩; for scores, P ⊙ (dP − Σ_j P dP). */
  private static float[] scores(
      HookSource.Scores source,
      MemorySegment dz,
      MemorySegment values,
      Function<Buffer, MemorySegment> data,
      Executor executor) {
    SequenceOp.Attention attention = source.attention();
    int heads = attention.heads();
    int d = attention.z().width() / heads;
    int n = Math.toIntExact(dz.byteSize() / Float.BYTES / attention.z().width());
    float[] gradients = dz.toArray(JAVA_FLOAT);
    float[] v = values.toArray(JAVA_FLOAT);
    int group = heads * d * n / v.length;
    var result = new float[Math.multiplyExact(heads, Math.multiplyExact(n, n))];
    for (int h = 0; h < heads; h++) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
          int key = (j * (heads / group) + h / group) * d;
          double sum = 0;
          for (int e = 0; e < d; e++) {
            sum += (double) gradients[(i * heads + h) * d + e] * v[key + e];
          }
          result[(h * n + i) * n + j] = (float) sum;
        }
      }
    }
    if (!source.pattern()) {
      throughSoftmax(source, result, n, data, executor);
    }
    return result;
  }

  /** Transforms gradients of patterns [H, n, n] into gradients of scores, in place. */
  private static void throughSoftmax(
      HookSource.Scores source,
      float[] gradients,
      int n,
      Function<Buffer, MemorySegment> data,
      Executor executor) {
    var pattern = new HookSource.Scores(source.attention(), source.k(), true);
    MemorySegment p = MemorySegment.ofArray(new float[gradients.length]);
    var input =
        new DerivedPlan.Input(
            TapType.F32, KvType.F32, 0, n, (buffer, ignored) -> data.apply(buffer));
    HookPoint point = new HookPoint(HookSite.PATTERN, 0); // any: the plan has no other
    try (var plan = new DerivedPlan(executor, input, Map.of(point, pattern), Map.of())) {
      plan.fill(point, ignored -> p);
    }
    for (int row = 0; row < gradients.length; row += n) {
      double sum = 0;
      for (int i = row; i < row + n; i++) {
        sum += (double) gradients[i] * p.getAtIndex(JAVA_FLOAT, i);
      }
      for (int i = row; i < row + n; i++) {
        gradients[i] = (float) (p.getAtIndex(JAVA_FLOAT, i) * (gradients[i] - sum));
      }
    }
  }
}
