package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Gradients with respect to the z of each head of a layer from gradients with respect to the output
 * of each head, as {@link HeadParts#written} computes them.
 *
 * <p>An output is {@code W_O,h z_h}; if a norm is between attention and the residual stream, {@code
 * g ⊙ u_h / r} for the product u_h and the root mean square r of the sum y of all products. Then
 * all heads depend on each product, by r:
 *
 * <pre>{@code
 * ∂L/∂u_k = Jᵀ G_k + y (⟨G_k, F⟩ − Σ_h ⟨G_h, f_h⟩) / (d r²)
 * }</pre>
 *
 * <p>for the gradients G_h, the outputs f_h with the sum F, and the Jacobian J of the norm.
 */
final class OutputGradients implements AutoCloseable {
  /** Rows per run. */
  private static final int ROWS = 256;

  private final int heads;
  private final int d;
  private final RowPlan product;

  /** The operations after the product, and their gradient; null if there are only biases. */
  private final @Nullable RowGradient after;

  private final Buffer y;
  private final Buffer out;
  private final List<Op> path;

  OutputGradients(Executor executor, Plan plan, HookMap hooks, int layer) {
    this.heads = hooks.heads(layer);
    this.path = hooks.afterAttention(layer);
    this.y = product(hooks, layer);
    this.out = hooks.buffer(new HookPoint(HookSite.ATTN_OUT, layer));
    this.d = y.width();
    Weights w = hooks.product(hooks.buffer(new HookPoint(HookSite.Z, layer))).weights();
    var dy = new Buffer("dy", Rows.TOKENS, w.n());
    var dx = new Buffer("dx", Rows.TOKENS, w.k());
    this.product = new RowPlan(executor, dy, List.of(new BackwardOp.MatMul(w, dy, dx)), dx, ROWS);
    try {
      this.after =
          HeadOutputs.isTransformed(hooks, layer)
              ? new RowGradient(executor, path, plan.kv(), y, List.of(out), ROWS)
              : null;
    } catch (Throwable e) {
      product.close();
      throw e;
    }
  }

  /** Returns the sum of the products of a layer's heads with W_O. */
  static Buffer product(HookMap hooks, int layer) {
    return hooks.product(hooks.buffer(new HookPoint(HookSite.Z, layer))).y();
  }

  /** Returns the sum of the products, before biases, factors and norms. */
  Buffer product() {
    return y;
  }

  /**
   * Computes the gradient with respect to z.
   *
   * @param rows number of rows
   * @param gradients with respect to the output of each head, [rows, d] each; overwritten. Arrays
   *     may be longer
   * @param outputs of each head, [rows, d] each, which may be longer
   * @param products the values of {@link #product}, [rows, d]
   * @param dz receives the gradient, [rows, H · d_h]
   */
  void run(
      int rows, float[][] gradients, float[][] outputs, MemorySegment products, MemorySegment dz) {
    if (after != null) {
      divide(after, gradients, outputs, products.toArray(JAVA_FLOAT), rows);
    }
    long headBytes = dz.byteSize() / rows / heads;
    product.run(
        heads * rows,
        (i, row) -> MemorySegment.copy(gradients[i / rows], i % rows * d, row, JAVA_FLOAT, 0, d),
        (i, row) -> {
          long h = i / rows;
          long at = (i % rows * (long) heads + h) * headBytes;
          MemorySegment.copy(row, h * headBytes, dz, at, headBytes);
        });
  }

  /** Replaces gradients with respect to outputs by those with respect to products. */
  private void divide(
      RowGradient norm, float[][] gradients, float[][] outputs, float[] products, int rows) {
    float[][] own =
        IntStream.range(0, heads).mapToObj(h -> gradients[h].clone()).toArray(float[][]::new);
    MemorySegment seed = norm.seed(out);
    int count = heads * rows;
    norm.run(
        count,
        (i, row) -> MemorySegment.copy(products, i % rows * d, row, JAVA_FLOAT, 0, d),
        begin -> {
          for (int i = begin; i < Math.min(count, begin + ROWS); i++) {
            long at = 4L * d * (i - begin);
            MemorySegment.copy(own[i / rows], i % rows * d, seed, JAVA_FLOAT, at, d);
          }
        },
        (i, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, gradients[i / rows], i % rows * d, d));
    IntStream.range(0, rows)
        .parallel()
        .forEach(i -> addDivisor(own, gradients, outputs, products, i * d));
  }

  /** Adds the part of the gradients that flows through the divisor of the norm. */
  private void addDivisor(
      float[][] own, float[][] gradients, float[][] outputs, float[] products, int at) {
    float factor = 1;
    Op.Norm norm = null;
    for (Op op : path) {
      if (op instanceof Op.Scale scale && norm == null) {
        factor *= scale.factor();
      } else if (op instanceof Op.Norm found) {
        norm = found;
      }
    }
    if (norm == null) {
      return;
    }
    var row = new float[d];
    System.arraycopy(products, at, row, 0, d);
    Vectors.scale(row, factor);
    float divisor = NormValues.scale(norm, row);
    NormValues.center(norm, row);
    double all = 0;
    var total = new double[d];
    for (int h = 0; h < heads; h++) {
      for (int j = 0; j < d; j++) {
        all += (double) own[h][at + j] * outputs[h][at + j];
        total[j] += outputs[h][at + j];
      }
    }
    for (int k = 0; k < heads; k++) {
      double along = 0;
      for (int j = 0; j < d; j++) {
        along += own[k][at + j] * total[j];
      }
      float share = (float) ((along - all) * factor / ((double) d * divisor * divisor));
      for (int j = 0; j < d; j++) {
        gradients[k][at + j] += share * row[j];
      }
    }
  }

  @Override
  public void close() {
    product.close();
    if (after != null) {
      after.close();
    }
  }
}
