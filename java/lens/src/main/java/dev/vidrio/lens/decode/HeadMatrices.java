package dev.vidrio.lens.decode;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;

/**
 * A head's function by its weights alone (Elhage et al. 2021): {@code W_OV = W_V W_O} determines
 * its output for an attended token, {@code W_QK = W_Q W_Kᵀ} the tokens that it attends to. The gain
 * of a norm before attention is multiplied into W_Q, W_K and W_V, that of a norm before or after
 * W_O into W_O. Biases, divisors, rotary positions and norms of queries and keys are ignored; with
 * rotary positions, W_QK is that of distance 0.
 *
 * @see "docs/lens/decoding.md"
 */
public final class HeadMatrices {
  private final float[][] queries;
  private final float[][] keys;
  private final float[][] values;
  private final float[][] outputs;

  private HeadMatrices(float[][] queries, float[][] keys, float[][] values, float[][] outputs) {
    this.queries = queries;
    this.keys = keys;
    this.values = values;
    this.outputs = outputs;
  }

  /** Returns the matrices of a head. */
  public static HeadMatrices of(Lens lens, int layer, int head) {
    ModelMatrices matrices = ModelMatrices.of(lens);
    HookMap hooks = HookMap.of(lens.model());
    int heads = hooks.heads(layer);
    String limit = heads == 0 ? "the layer has none" : "must be 0 to " + (heads - 1);
    Preconditions.require(head >= 0 && head < heads, "head", head, limit);
    HookPoint out = new HookPoint(HookSite.ATTN_OUT, layer);
    int width = matrices.height(out) / heads;
    float[][] outputs = matrices.rows(out, head * width, width);
    float[] gain = matrices.gainBefore(out);
    for (int i = 0; i < width; i++) {
      Vectors.scale(outputs[i], gain[head * width + i]);
    }
    int keys = hooks.keysOf(layer);
    List<Op> path = hooks.afterAttention(layer);
    Arrays.stream(outputs).forEach(row -> HeadOutputs.undivided(path, row));
    HookPoint queries = new HookPoint(HookSite.Q, layer);
    int keyWidth = hooks.product(queries).weights().n() / heads;
    return new HeadMatrices(
        columns(matrices, queries, head, heads, keyWidth),
        columns(matrices, new HookPoint(HookSite.K, keys), head, heads, keyWidth),
        columns(matrices, new HookPoint(HookSite.V, keys), head, heads, width),
        outputs);
  }

  /** Returns the columns of a head, [d][d_h]; heads may share those of keys and values. */
  private static float[][] columns(
      ModelMatrices matrices, HookPoint point, int head, int heads, int width) {
    float[] gain = matrices.gainBefore(point);
    float[][] rows = matrices.rows(point, 0, matrices.height(point));
    int own = head / (heads * width / rows[0].length);
    for (int j = 0; j < rows.length; j++) {
      rows[j] = Arrays.copyOfRange(rows[j], own * width, (own + 1) * width);
      Vectors.scale(rows[j], gain[j]);
    }
    return rows;
  }

  /** Returns {@code x W_OV}, the output for a normalized residual stream x, [d]. */
  public float[] written(float[] x) {
    return times(times(x, values), outputs);
  }

  /**
   * Returns {@code x W_QK}, [d]: its dot product with a normalized residual stream is the unscaled
   * attention score of the query x.
   */
  public float[] attended(float[] x) {
    float[] query = times(x, queries);
    var direction = new float[keys.length];
    for (int j = 0; j < direction.length; j++) {
      direction[j] = (float) Vectors.dot(keys[j], query);
    }
    return direction;
  }

  /** Returns x M, [N]. */
  private static float[] times(float[] x, float[][] matrix) {
    var sum = new double[matrix[0].length];
    for (int j = 0; j < x.length; j++) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += (double) x[j] * matrix[j][i];
      }
    }
    return DoubleVectors.floats(sum);
  }

  /**
   * Singular vectors of W_OV (Millidge and Black 2022): a component of the input along {@code
   * reads} is written along {@code writes}, times {@code value}. The common sign of a pair is
   * arbitrary.
   */
  public static final class Singular {
    private final double value;
    private final float[] reads;
    private final float[] writes;

    Singular(double value, float[] reads, float[] writes) {
      this.value = value;
      this.reads = reads;
      this.writes = writes;
    }

    /** Returns σ. */
    public double value() {
      return value;
    }

    /** Returns u, [d]. */
    public float[] reads() {
      return reads.clone();
    }

    /** Returns v, [d]. */
    public float[] writes() {
      return writes.clone();
    }
  }

  /** Returns all d_h singular triples, in descending order: {@code W_OV = Σ σ uᵀ v}. */
  public Singular[] singular() {
    int width = outputs.length;
    int d = values.length;
    // Decomposes W_V = A S Bᵀ first, then the small S Bᵀ W_O, to avoid a decomposition of d × d.
    var first = SingularVectors.of(DoubleVectors.doubles(MatrixProduct.transposed(values)));
    double[][] out = DoubleVectors.doubles(outputs);
    var inner = new double[width][outputs[0].length];
    for (int r = 0; r < width; r++) {
      for (int i = 0; i < width; i++) {
        DoubleVectors.add(inner[r], first.values()[r] * first.left(r)[i], out[i]);
      }
    }
    var second = SingularVectors.of(inner);
    var found = new Singular[width];
    for (int s = 0; s < width; s++) {
      var reads = new double[d];
      for (int r = 0; r < width; r++) {
        DoubleVectors.add(reads, second.left(s)[r], first.right(r));
      }
      found[s] =
          new Singular(
              second.values()[s],
              DoubleVectors.floats(reads),
              DoubleVectors.floats(second.right(s)));
    }
    return found;
  }
}
