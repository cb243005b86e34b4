package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A head's function by its weights alone (Elhage et al. 2021): {@code W_OV = W_V W_O} determines
 * its output for an attended token, {@code W_QK = W_Q W_Kᵀ} the tokens that it attends to. The gain
 * of a norm before attention is multiplied into W_Q, W_K and W_V, and if the norm subtracts the
 * mean, so do they; the gain of a norm before or after W_O is multiplied into W_O. Biases,
 * divisors, gates, rotary positions and norms of queries, keys and values are ignored; with rotary
 * positions, W_QK is that of distance 0. Query heads of a group share W_K and W_V.
 *
 * @see "docs/lens/decoding.md"
 */
public final class HeadMatrices {
  private final float[][] queries;
  private final float[][] keys;
  private final FactoredMatrix ov;

  private HeadMatrices(float[][] queries, float[][] keys, FactoredMatrix ov) {
    this.queries = queries;
    this.keys = keys;
    this.ov = ov;
  }

  /**
   * Returns the matrices of a head.
   *
   * @throws InvalidInputException if the layer does not have the head, or its queries, keys and
   *     values are not products of the residual stream, as in latent attention
   */
  public static HeadMatrices of(Lens lens, int layer, int head) {
    int heads = HookMap.of(lens.model()).heads(layer);
    String limit = heads == 0 ? "the layer has none" : "must be 0 to " + (heads - 1);
    Preconditions.require(head >= 0 && head < heads, "head", head, limit);
    return new Layer(lens, layer, heads).head(head);
  }

  /**
   * Returns the matrices of all heads of a layer; none without attention.
   *
   * @throws InvalidInputException if queries, keys and values are not products of the residual
   *     stream, as in latent attention
   */
  public static List<HeadMatrices> of(Lens lens, int layer) {
    int heads = HookMap.of(lens.model()).heads(layer);
    if (heads == 0) {
      return List.of();
    }
    var all = new Layer(lens, layer, heads);
    return IntStream.range(0, heads).mapToObj(all::head).toList();
  }

  /** Reads the columns and rows of heads from the matrices of a layer. */
  private static final class Layer {
    private final int heads;
    private final float[][] queries;
    private final float[][] keys;
    private final float[][] values;
    private final float[][] outputs;

    Layer(Lens lens, int layer, int heads) {
      ModelMatrices matrices = ModelMatrices.of(lens);
      HookMap hooks = HookMap.of(lens.model());
      int keysOf = hooks.keysOf(layer);
      this.heads = heads;
      this.queries = read(matrices, hooks, new HookPoint(HookSite.Q, layer));
      this.keys = read(matrices, hooks, new HookPoint(HookSite.K, keysOf));
      this.values = read(matrices, hooks, new HookPoint(HookSite.V, keysOf));
      HookPoint out = new HookPoint(HookSite.ATTN_OUT, layer);
      this.outputs = matrices.rows(out, 0, matrices.height(out));
      float[] gain = matrices.gainBefore(out);
      List<Op> path = hooks.afterAttention(layer);
      for (int i = 0; i < outputs.length; i++) {
        Vectors.scale(outputs[i], gain[i]);
        HeadOutputs.undivided(path, outputs[i]);
      }
    }

    HeadMatrices head(int head) {
      int width = outputs.length / heads;
      return new HeadMatrices(
          columns(queries, head, queries[0].length / heads),
          columns(keys, head, queries[0].length / heads),
          new FactoredMatrix(
              columns(values, head, width),
              Arrays.copyOfRange(outputs, head * width, (head + 1) * width)));
    }

    /** Returns the columns of a head, [d][d_h]; heads may share those of keys and values. */
    private float[][] columns(float[][] rows, int head, int width) {
      int own = head / (heads * width / rows[0].length);
      return Arrays.stream(rows)
          .map(row -> Arrays.copyOfRange(row, own * width, (own + 1) * width))
          .toArray(float[][]::new);
    }
  }

  /** Returns a matrix that reads the residual stream, with the linear part of the norm before. */
  static float[][] read(ModelMatrices matrices, HookMap hooks, HookPoint point) {
    float[][] rows = matrices.rows(point, 0, matrices.height(point));
    float[] gain = matrices.gainBefore(point);
    for (int j = 0; j < rows.length; j++) {
      Vectors.scale(rows[j], gain[j]);
    }
    if (centered(hooks, point)) {
      center(rows);
    }
    return rows;
  }

  /** Returns whether the norm before a matrix subtracts the mean of the residual stream. */
  static boolean centered(HookMap hooks, HookPoint point) {
    return hooks.normBefore(point).filter(n -> n.kind() == Op.NormKind.LAYER).isPresent();
  }

  /** Subtracts the mean of each column, so that the matrix reads nothing of a row's mean. */
  private static void center(float[][] rows) {
    var mean = new double[rows[0].length];
    for (float[] row : rows) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += (double) row[i] / rows.length;
      }
    }
    for (float[] row : rows) {
      for (int i = 0; i < mean.length; i++) {
        row[i] -= (float) mean[i];
      }
    }
  }

  /** Returns {@code W_OV = W_V W_O}, d × d of rank d_h. */
  public FactoredMatrix ov() {
    return ov;
  }

  /**
   * Returns {@code W_QK = W_Q W_Kᵀ}, d × d of rank d_h: {@code x W_QK yᵀ} is the unscaled attention
   * score of the query x for the key y, both normalized residual streams.
   */
  public FactoredMatrix qk() {
    return new FactoredMatrix(queries, MatrixProduct.transposed(keys));
  }

  /** Returns {@code x W_OV}, the output for a normalized residual stream x, [d]. */
  public float[] written(float[] x) {
    return ov.written(x);
  }

  /**
   * Returns {@code x W_QK}, [d]: its dot product with a normalized residual stream is the unscaled
   * attention score of the query x.
   */
  public float[] attended(float[] x) {
    return qk().written(x);
  }

  /** Returns all d_h singular triples of W_OV, in descending order: {@code W_OV = Σ σ uᵀ v}. */
  public List<SingularTriple> singular() {
    return ov.singular();
  }
}
