package dev.vidrio.lens.component;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes the contribution of each head of a layer to the residual stream at a position: its
 * result, after the norm or factor between attention and the residual stream, with the divisor of
 * the norm held fixed.
 */
public final class HeadOutputs {
  private HeadOutputs() {}

  /** Returns the outputs [H][d] at row i of a cache with {@code hook_result}. */
  public static float[][] of(HookMap hooks, ActivationCache cache, int layer, int i) {
    Activation results = cache.get(HookSite.RESULT, layer);
    int d = results.shape().get(2);
    float[] all = results.row(i);
    var heads = new float[results.shape().get(1)][];
    Arrays.setAll(heads, h -> Arrays.copyOfRange(all, h * d, (h + 1) * d));
    return written(hooks, layer, heads);
  }

  /**
   * Transforms parts of the output of W_O as they are added to the residual stream.
   *
   * @param parts their sum is the output without its bias; overwritten
   */
  static float[][] written(HookMap hooks, int layer, float[][] parts) {
    return written(hooks.afterAttention(layer), parts);
  }

  /**
   * Transforms the results of heads at many tokens as they are added to the residual stream.
   *
   * @param results [n, H, d], overwritten; memory that all threads may access
   */
  public static void write(HookMap hooks, int layer, MemorySegment results) {
    if (!isTransformed(hooks, layer)) {
      return;
    }
    int heads = hooks.heads(layer);
    int d = hooks.stream(layer).width();
    long row = 4L * heads * d;
    IntStream.range(0, Math.toIntExact(results.byteSize() / row))
        .parallel()
        .forEach(
            i -> {
              var parts = new float[heads][d];
              for (int h = 0; h < heads; h++) {
                MemorySegment.copy(results, JAVA_FLOAT, i * row + 4L * d * h, parts[h], 0, d);
              }
              written(hooks, layer, parts);
              for (int h = 0; h < heads; h++) {
                MemorySegment.copy(parts[h], 0, results, JAVA_FLOAT, i * row + 4L * d * h, d);
              }
            });
  }

  /** Returns whether a norm or a factor is between the heads of a layer and the residual stream. */
  public static boolean isTransformed(HookMap hooks, int layer) {
    return !hooks.afterAttention(layer).stream().allMatch(Op.AddBias.class::isInstance);
  }

  /**
   * Transforms a part of a product by the operations after it, without biases and without the
   * divisors of norms, which depend on a run.
   *
   * @param part overwritten
   */
  public static float[] undivided(List<Op> path, float[] part) {
    for (Op op : path) {
      switch (op) {
        case Op.Scale scale -> Vectors.scale(part, scale.factor());
        case Op.Norm norm -> normalize(norm, part, 1);
        default -> {}
      }
    }
    return part;
  }

  /** Returns whether the output of attention has a part that belongs to no head. */
  public static boolean hasBias(HookMap hooks, int layer) {
    return hooks.afterAttention(layer).stream()
        .anyMatch(op -> op instanceof Op.AddBias || (op instanceof Op.Norm n && n.bias() != null));
  }

  /**
   * Transforms parts of a product by the operations after it, with the norms' divisors of their
   * sum.
   */
  static float[][] written(List<Op> path, float[][] parts) {
    var total = new float[parts[0].length];
    for (float[] part : parts) {
      Vectors.add(total, part);
    }
    float[] divisors = divisors(path, total);
    for (float[] part : parts) {
      write(path, part, divisors);
    }
    return parts;
  }

  /**
   * Returns the divisor of each norm of a path.
   *
   * @param product without its bias; overwritten
   */
  static float[] divisors(List<Op> path, float[] product) {
    var divisors = new float[path.size()];
    int count = 0;
    for (Op op : path) {
      switch (op) {
        case Op.AddBias add -> Vectors.add(product, add.bias().data().toArray(JAVA_FLOAT));
        case Op.Scale scale -> Vectors.scale(product, scale.factor());
        case Op.Norm norm -> {
          divisors[count] = NormValues.scale(norm, product);
          normalize(norm, product, divisors[count++]);
        }
        default -> throw new IllegalStateException(op + " after attention is not supported");
      }
    }
    return Arrays.copyOf(divisors, count);
  }

  /**
   * Transforms a part of a product by the operations after it, without biases.
   *
   * @param part overwritten
   * @param divisors of the path's norms
   */
  static void write(List<Op> path, float[] part, float[] divisors) {
    int count = 0;
    for (Op op : path) {
      switch (op) {
        case Op.Scale scale -> Vectors.scale(part, scale.factor());
        case Op.Norm norm -> normalize(norm, part, divisors[count++]);
        default -> {}
      }
    }
  }

  private static void normalize(Op.Norm norm, float[] x, float divisor) {
    NormValues.center(norm, x);
    @Nullable Weights gain = norm.gain();
    for (int j = 0; j < x.length; j++) {
      x[j] = x[j] / divisor * (gain == null ? 1 : gain.data().getAtIndex(JAVA_FLOAT, j));
    }
  }
}
