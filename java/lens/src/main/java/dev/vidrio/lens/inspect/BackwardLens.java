package dev.vidrio.lens.inspect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The backward lens (Katz et al. 2024, arXiv 2402.12865): reads the gradients of weight matrices as
 * words. The gradient of a metric with respect to a matrix W with {@code y = W x} is a sum of outer
 * products over the tokens,
 *
 * <pre>G = Σᵢ δᵢ xᵢᵀ,   δᵢ = ∂metric/∂yᵢ</pre>
 *
 * so it holds at most n vectors of each side. One of them is of the width of the residual stream:
 * the input xᵢ of matrices that read it, which a step of learning imprints, and δᵢ of those that
 * write to it, which a step adds for inputs like xᵢ. {@link
 * dev.vidrio.lens.decode.VocabularyProjection} shows these as tokens.
 *
 * <p>All matrices take one forward and one backward pass together. Biases, factors and norms
 * between the product and the residual stream are differentiated. Quantized weights count as the
 * numbers that they represent. Memory: both sides of all outer products.
 *
 * @see "docs/lens/decoding.md"
 */
public final class BackwardLens {
  private static final List<HookSite> NORMS =
      List.of(
          HookSite.LN1_NORMALIZED,
          HookSite.LN1_POST_NORMALIZED,
          HookSite.LN2_NORMALIZED,
          HookSite.LN2_POST_NORMALIZED);

  private static final List<HookSite> DIVISORS =
      List.of(
          HookSite.LN1_SCALE, HookSite.LN1_POST_SCALE, HookSite.LN2_SCALE, HookSite.LN2_POST_SCALE);

  private BackwardLens() {}

  /** A weight matrix of a block. */
  public enum Matrix {
    /** W_Q, [H · d_h, d]. */
    Q(HookSite.Q, null),
    /** W_K, [H_kv · d_h, d]. */
    K(HookSite.K, null),
    /** W_V, [H_kv · d_h, d]. */
    V(HookSite.V, null),
    /** W_O, [d, H · d_h]. */
    O(HookSite.ATTN_OUT, HookSite.Z),
    /** The gate of a gated feed-forward block, [d_ffn, d]. */
    GATE(HookSite.PRE, null),
    /** W_in, [d_ffn, d]: the linear factor of a gated feed-forward block. */
    IN(HookSite.PRE_LINEAR, null),
    /** W_out, [d, d_ffn]. */
    OUT(HookSite.MLP_OUT, HookSite.POST);

    private final HookSite output;
    private final @Nullable HookSite input;

    Matrix(HookSite output, @Nullable HookSite input) {
      this.output = output;
      this.input = input;
    }

    /** Returns whether the product is added to the residual stream. */
    public boolean writes() {
      return input != null;
    }

    private boolean readsAttention() {
      return this == Q || this == K || this == V;
    }

    /** Returns the point of the product in a layer, if the layer has the matrix. */
    private Optional<HookPoint> output(HookMap hooks, int layer) {
      boolean gated = hooks.has(new HookPoint(HookSite.PRE_LINEAR, layer));
      HookSite site = this == IN && !gated ? HookSite.PRE : output;
      return Optional.of(new HookPoint(site, layer))
          .filter(point -> hooks.has(point) && (this != GATE || gated));
    }
  }

  /** The gradient of a matrix as outer products. */
  public static final class MatrixGradient {
    private final int layer;
    private final Matrix matrix;
    private final float[][] inputs;
    private final float[][] errors;

    private MatrixGradient(int layer, Matrix matrix, float[][] inputs, float[][] errors) {
      this.layer = layer;
      this.matrix = matrix;
      this.inputs = inputs;
      this.errors = errors;
    }

    /** Returns the layer of the matrix. */
    public int layer() {
      return layer;
    }

    /** Returns the matrix. */
    public Matrix matrix() {
      return matrix;
    }

    /** Returns n, the number of tokens. */
    public int tokens() {
      return inputs.length;
    }

    /** Returns x of a token. */
    public float[] input(int i) {
      return inputs[i].clone();
    }

    /** Returns δ of a token. */
    public float[] error(int i) {
      return errors[i].clone();
    }

    /** Returns the side of a token's outer product that is of the residual stream, [d]. */
    public float[] readable(int i) {
      return matrix.writes() ? error(i) : input(i);
    }

    /** Returns ‖δᵢ‖ ‖xᵢ‖, the norm of a token's outer product. */
    public double length(int i) {
      return Vectors.norm(inputs[i]) * Vectors.norm(errors[i]);
    }

    /** Returns ‖G‖, the Frobenius norm of the gradient. */
    public double norm() {
      double square = 0;
      for (int i = 0; i < inputs.length; i++) {
        for (int j = 0; j < inputs.length; j++) {
          square += Vectors.dot(inputs[i], inputs[j]) * Vectors.dot(errors[i], errors[j]);
        }
      }
      return Math.sqrt(Math.max(0, square));
    }
  }

  /**
   * A matrix of a layer, and where both sides of its gradient come from.
   *
   * @param input the hook point of x, before the gain and bias of {@code norm}
   * @param norm the norm that computes x, or null
   * @param after the operations from the product to {@code output}
   */
  private record Product(
      Matrix matrix, HookPoint output, HookPoint input, Op.@Nullable Norm norm, List<Op> after) {}

  /**
   * Computes the gradients of a metric of the next token.
   *
   * @param matrices those of all layers that have them
   * @return in the order of a forward pass
   * @throws InvalidInputException if no layer has one of the matrices, or one is not a single
   *     matrix that multiplies what the hook points record: experts, latent attention, clamped
   *     products
   */
  public static List<MatrixGradient> of(
      Lens lens, int[] tokens, DifferentiableMetric metric, Collection<Matrix> matrices) {
    HookMap hooks = HookMap.of(lens.model());
    List<Product> products = new ArrayList<>();
    for (int layer = 0; layer < lens.model().architecture().layers(); layer++) {
      for (Matrix matrix : Matrix.values()) {
        Optional<HookPoint> output = matrix.output(hooks, layer);
        if (matrices.contains(matrix) && output.isPresent()) {
          products.add(product(hooks, matrix, output.orElseThrow()));
        }
      }
    }
    Preconditions.require(!products.isEmpty(), "matrices", matrices, "the model has none of them");
    Set<HookPoint> captured = new LinkedHashSet<>();
    for (Product product : products) {
      captured.add(product.input);
      product.after.stream().flatMap(op -> statistics(hooks, op)).forEach(captured::add);
    }
    String wanted = names(products.stream().map(Product::output));
    List<MatrixGradient> gradients = new ArrayList<>();
    try (ActivationCache cache = lens.run(tokens, Capture.of(names(captured.stream())));
        GradientSession session =
            GradientSession.open(lens, GradientOptions.of(wanted, tokens.length))) {
      session.run(tokens, metric);
      for (Product product : products) {
        float[][] inputs = cache.get(product.input).rows();
        float[][] errors = session.gradient(product.output).rows();
        if (product.norm != null) {
          for (float[] row : inputs) {
            affine(product.norm, row);
          }
        }
        for (Op op : product.after.reversed()) {
          backward(hooks, op, errors, cache);
        }
        gradients.add(new MatrixGradient(product.output.layer(), product.matrix, inputs, errors));
      }
    }
    return gradients;
  }

  private static String names(Stream<HookPoint> points) {
    return points.map(HookPoint::name).distinct().collect(Collectors.joining(","));
  }

  private static Product product(HookMap hooks, Matrix matrix, HookPoint output) {
    Op.MatMul product = hooks.product(output);
    List<Op> after = hooks.afterProduct(output);
    boolean whole =
        product
            .y()
            .equals(after.isEmpty() ? hooks.buffer(output) : after.getFirst().reads().getFirst());
    Preconditions.require(
        whole, "matrix", matrix, "layer " + output.layer() + " clamps its product");
    for (Op op : after) {
      if (op instanceof Op.Norm norm) {
        point(hooks, norm, output.layer(), NORMS);
      }
    }
    if (matrix.input != null) {
      var input = new HookPoint(matrix.input, output.layer());
      boolean direct = hooks.has(input) && hooks.product(hooks.buffer(input)).equals(product);
      String limit = "layer " + output.layer() + " changes " + matrix.input.suffix() + " before it";
      Preconditions.require(direct, "matrix", matrix, limit);
      return new Product(matrix, output, input, null, after);
    }
    Op.Norm norm = hooks.normBefore(output).orElse(null);
    if (norm != null) {
      return new Product(matrix, output, point(hooks, norm, output.layer(), NORMS), norm, after);
    }
    HookPoint stream =
        matrix.readsAttention()
            ? new HookPoint(HookSite.RESID_PRE, output.layer())
            : hooks.beforeMlp(output.layer());
    return new Product(matrix, output, stream, null, after);
  }

  /** Returns the hook point of a norm's x̂ or divisor. */
  private static HookPoint point(HookMap hooks, Op.Norm norm, int layer, List<HookSite> sites) {
    return sites.stream()
        .map(site -> new HookPoint(site, layer))
        .filter(
            point ->
                hooks.has(point)
                    && hooks.source(point) instanceof HookSource.Norm(Op.Norm own, _, _)
                    && own.equals(norm))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "layer", Integer.toString(layer), "has a norm without a hook point"));
  }

  /** Returns the points of x̂ and the divisor of a norm; none for other operations. */
  private static Stream<HookPoint> statistics(HookMap hooks, Op op) {
    if (!(op instanceof Op.Norm norm)) {
      return Stream.of();
    }
    return hooks.points().stream()
        .filter(point -> NORMS.contains(point.site()) || DIVISORS.contains(point.site()))
        .filter(
            point ->
                hooks.source(point) instanceof HookSource.Norm(Op.Norm own, _, _)
                    && own.equals(norm));
  }

  private static void affine(Op.Norm norm, float[] row) {
    for (int j = 0; j < row.length; j++) {
      row[j] = row[j] * element(norm, norm.gain(), j, 1) + element(norm, norm.bias(), j, 0);
    }
  }

  private static float element(Op.Norm norm, @Nullable Weights weights, int j, float otherwise) {
    return weights == null
        ? otherwise
        : weights.data().getAtIndex(JAVA_FLOAT, norm.affineOffset(0) + j);
  }

  /** Replaces gradients of the output of an operation by those of its input, in place. */
  private static void backward(HookMap hooks, Op op, float[][] errors, ActivationCache cache) {
    switch (op) {
      case Op.Scale scale ->
          Arrays.stream(errors).forEach(row -> Vectors.scale(row, scale.factor()));
      case Op.Norm norm -> {
        List<HookPoint> points = statistics(hooks, norm).toList();
        for (int i = 0; i < errors.length; i++) {
          float[] normalized = new float[0];
          float divisor = 1;
          for (HookPoint point : points) {
            if (NORMS.contains(point.site())) {
              normalized = cache.get(point).row(i);
            } else {
              divisor = cache.get(point).row(i)[0];
            }
          }
          backward(norm, normalized, divisor, errors[i]);
        }
      }
      default -> {}
    }
  }

  /** (γ ⊙ g − x̂ ⟨x̂, γ ⊙ g⟩ / d) / σ, and centered if the norm is. */
  private static void backward(Op.Norm norm, float[] normalized, float divisor, float[] g) {
    for (int j = 0; j < g.length; j++) {
      g[j] *= element(norm, norm.gain(), j, 1);
    }
    double along = Vectors.dot(normalized, g) / g.length;
    double mean = 0;
    for (int j = 0; j < g.length; j++) {
      g[j] = (float) ((g[j] - normalized[j] * along) / divisor);
      mean += g[j] / (double) g.length;
    }
    for (int j = 0; norm.kind() == Op.NormKind.LAYER && j < g.length; j++) {
      g[j] -= (float) mean;
    }
  }
}
