package dev.vidrio.lens.decode;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.numeric.TriangularFactor;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Layer-selective rank reduction, LASER (Sharma et al. 2023, arXiv 2312.13558): replaces one weight
 * matrix by its best approximation of rank r, and measures what the model loses or gains. Matrices
 * of late feed-forward blocks can often be reduced to a few percent of their rank; if the loss
 * falls, the removed part was noise.
 *
 * <p>The weights stay as they are. With {@code W = Σ_i σ_i u_i v_iᵀ} and {@code y = x W}, the
 * product with the reduced matrix is {@code (U_r U_rᵀ x) W}, and also {@code V_r V_rᵀ y}: a
 * projection of the product's input for W_O and W_out, and of its output, without the bias, for
 * W_in and W_gate. So it can be combined with other interventions and needs no second model.
 *
 * <p>Safe for concurrent use.
 *
 * @see "docs/lens/decoding.md"
 */
public final class RankReduction {
  /** A matrix of a layer. */
  public enum Matrix {
    /** The output of attention. */
    O("W_O", HookSite.ATTN_OUT, HookSite.Z, true),
    /** The gate of a feed-forward block. */
    GATE("W_gate", HookSite.PRE, HookSite.PRE, false),
    /** The input of a feed-forward block; in a gated block, that of the linear factor. */
    IN("W_in", HookSite.PRE, HookSite.PRE, false),
    /** The output of a feed-forward block. */
    OUT("W_out", HookSite.MLP_OUT, HookSite.POST, true);

    private final String label;
    private final HookSite product;
    private final HookSite projected;
    private final boolean input;

    Matrix(String label, HookSite product, HookSite projected, boolean input) {
      this.label = label;
      this.product = product;
      this.projected = projected;
      this.input = input;
    }

    /** Returns the name, such as {@code W_out}. */
    public String label() {
      return label;
    }
  }

  /**
   * How well a model predicts texts.
   *
   * @param loss the mean negative log-likelihood of the next token, in nats
   * @param accuracy the portion of tokens that are the most likely one, from 0 to 1
   */
  public record Quality(Estimate loss, Estimate accuracy) {}

  private final Lens lens;
  private final HookPoint projected;
  private final double[] values;

  /** The singular vectors that are projected on, in the order of the values. */
  private final float[][] basis;

  /** The bias between the product and the projected point, or zeros. */
  private final float[] bias;

  private RankReduction(
      Lens lens, HookPoint projected, double[] values, float[][] basis, float[] bias) {
    this.lens = lens;
    this.projected = projected;
    this.values = values;
    this.basis = basis;
    this.bias = bias;
  }

  /**
   * Decomposes a matrix with K rows and N columns, in time that grows as K N m + m³ with m = min(K,
   * N).
   *
   * @throws InvalidInputException if the layer does not have the matrix, has several experts, or
   *     normalizes between the activation that would be projected and the product
   */
  public static RankReduction of(Lens lens, int layer, Matrix matrix) {
    int layers = lens.model().architecture().layers();
    Preconditions.requireRange("layer", layer, 0, layers - 1);
    HookMap hooks = HookMap.of(lens.model());
    boolean gated = hooks.has(new HookPoint(HookSite.PRE_LINEAR, layer));
    boolean linear = matrix == Matrix.IN && gated;
    var product = new HookPoint(linear ? HookSite.PRE_LINEAR : matrix.product, layer);
    var projected = new HookPoint(linear ? HookSite.PRE_LINEAR : matrix.projected, layer);
    boolean has = hooks.has(product) && (matrix != Matrix.GATE || gated);
    Preconditions.require(has, "matrix", matrix.label, "layer " + layer + " does not have it");
    ModelMatrices matrices = ModelMatrices.of(lens);
    float[][] rows = matrices.rows(product, 0, matrices.height(product));
    var bias = new float[matrix.input ? rows.length : rows[0].length];
    if (matrix.input) {
      boolean direct =
          hooks.normBefore(product).isEmpty()
              && hooks.has(projected)
              && hooks.source(projected).width() == rows.length;
      String limit = "layer " + layer + " has operations between " + projected + " and the product";
      Preconditions.require(direct, "matrix", matrix.label, limit);
    } else {
      for (Op op : hooks.afterProduct(product)) {
        Preconditions.require(
            op instanceof Op.AddBias,
            "matrix",
            matrix.label,
            "layer " + layer + " has operations between the product and " + projected);
        Vectors.add(bias, ((Op.AddBias) op).bias().data().toArray(JAVA_FLOAT));
      }
    }
    return of(lens, projected, matrix.input, rows, bias);
  }

  private static RankReduction of(
      Lens lens, HookPoint projected, boolean input, float[][] rows, float[] bias) {
    float[][] columns = MatrixProduct.transposed(rows);
    // The side with fewer elements is decomposed; the other one follows.
    boolean wide = rows.length < columns.length;
    float[][] few = wide ? rows : columns;
    var found = SingularVectors.of(TriangularFactor.of(DoubleVectors.doubles(few)));
    List<float[]> basis = new ArrayList<>();
    double least = found.values()[0] * 1e-7;
    for (int i = 0; i < few.length && found.values()[i] > least; i++) {
      float[] own = DoubleVectors.floats(found.right(i));
      basis.add(wide == input ? own : other(few, own, found.values()[i]));
    }
    double[] values = Arrays.copyOf(found.values(), basis.size());
    return new RankReduction(lens, projected, values, basis.toArray(float[][]::new), bias);
  }

  /** Returns {@code Wᵀ u / σ}, the singular vector of the other side. */
  private static float[] other(float[][] rows, float[] own, double value) {
    var sum = new double[rows[0].length];
    for (int j = 0; j < rows.length; j++) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += (double) own[j] * rows[j][i];
      }
    }
    DoubleVectors.scale(sum, 1 / value);
    return DoubleVectors.floats(sum);
  }

  /** Returns the rank of the matrix: the number of its singular values that are not 0. */
  public int rank() {
    return values.length;
  }

  /** Returns a copy of the singular values, in descending order. */
  public double[] values() {
    return values.clone();
  }

  /** Returns the rank that keeps a portion of the matrix's rank: at least 1. */
  public int rank(double portion) {
    Preconditions.require(
        portion > 0 && portion <= 1, "portion", portion, "must be above 0 and at most 1");
    return Math.max(1, (int) Math.round(portion * rank()));
  }

  /**
   * Returns the portion of the squared Frobenius norm that the first {@code rank} singular values
   * have.
   */
  public double energy(int rank) {
    double kept = 0;
    double all = 0;
    for (int i = 0; i < values.length; i++) {
      all += values[i] * values[i];
      kept += i < rank ? values[i] * values[i] : 0;
    }
    return kept / all;
  }

  /**
   * Returns the callback that makes a pass use the matrix of a rank, for {@link Lens#run(int[],
   * Capture, Map)}.
   *
   * @param rank 1 to {@link #rank()}
   * @throws InvalidInputException if the rank is out of range
   */
  public Map<HookPoint, Hook> hooks(int rank) {
    Preconditions.requireRange("rank", rank, 1, rank());
    return Map.of(
        projected,
        rows -> IntStream.range(0, rows.size()).forEach(i -> project(rows.row(i), rank)));
  }

  private void project(MemorySegment row, int rank) {
    float[] x = Vectors.minus(row.toArray(JAVA_FLOAT), bias);
    var sum = new double[x.length];
    for (int r = 0; r < rank; r++) {
      double part = Vectors.dot(basis[r], x);
      for (int j = 0; j < sum.length; j++) {
        sum[j] += part * basis[r][j];
      }
    }
    for (int j = 0; j < sum.length; j++) {
      row.setAtIndex(JAVA_FLOAT, j, (float) (sum[j] + bias[j]));
    }
  }

  /**
   * Measures the model with a reduced matrix.
   *
   * @param texts of at least 2 tokens
   * @param rank 1 to {@link #rank()}
   */
  public Quality quality(List<int[]> texts, int rank) {
    return quality(lens, texts, hooks(rank));
  }

  /**
   * Measures a model as it is.
   *
   * @param texts of at least 2 tokens
   */
  public static Quality quality(Lens lens, List<int[]> texts) {
    return quality(lens, texts, Map.of());
  }

  private static Quality quality(Lens lens, List<int[]> texts, Map<HookPoint, Hook> hooks) {
    var end = new HookPoint(HookSite.RESID_POST, lens.model().architecture().layers() - 1);
    List<Double> losses = new ArrayList<>();
    List<Double> hits = new ArrayList<>();
    try (Unembedding unembedding = Unembedding.of(lens.model())) {
      for (int[] tokens : texts) {
        Preconditions.require(
            tokens.length >= 2, "text", tokens.length + " tokens", "must have at least 2 tokens");
        Capture capture = Capture.of(end.name()).positions(0, tokens.length - 1);
        try (ActivationCache cache =
            hooks.isEmpty() ? lens.run(tokens, capture) : lens.run(tokens, capture, hooks)) {
          unembedding.logits(
              cache.get(end).rows(),
              (i, logits) -> {
                int next = tokens[i + 1];
                float own = logits.getAtIndex(JAVA_FLOAT, next);
                losses.add(LogProbability.logSum(logits) - own);
                hits.add(Vectors.largest(logits.toArray(JAVA_FLOAT), 1)[0] == next ? 1.0 : 0.0);
              });
        }
      }
    }
    return new Quality(estimate(losses), estimate(hits));
  }

  private static Estimate estimate(List<Double> values) {
    return Estimate.of(values.stream().mapToDouble(value -> value).toArray());
  }
}
