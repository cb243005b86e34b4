package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.component.NeuronOutputs;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.numeric.TriangularFactor;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;

/**
 * The matrices of a feed-forward block as keys and values (Geva et al. 2021, arXiv 2012.14913): a
 * neuron is active for residual streams along its key, a column of W_in, and adds its value, a row
 * of W_out. In a gated block, {@code n = f(x W_gate) ⊙ (x W_in)}, a neuron has two keys: the gate's
 * determines whether it is active, that of W_in the sign and the size. {@link VocabularyProjection}
 * shows keys and values as tokens.
 *
 * <p>The gain of a norm before the block is multiplied into the keys, which do not read the mean if
 * the norm subtracts it; the gain of a norm after the block is multiplied into the values. Biases
 * and divisors are ignored.
 *
 * @see "docs/lens/decoding.md"
 */
public final class FeedForwardMatrices {
  private final Lens lens;
  private final HookMap hooks;
  private final int layer;

  /** A matrix, by the name that TransformerLens gives it. */
  public enum Matrix {
    /** The gate's keys, in gated blocks. */
    GATE("W_gate"),
    /** The keys; in a gated block, those of the linear factor. */
    IN("W_in"),
    /** The values. */
    OUT("W_out");

    private final String label;

    Matrix(String label) {
      this.label = label;
    }

    /** Returns the name, such as {@code W_in}. */
    public String label() {
      return label;
    }
  }

  private FeedForwardMatrices(Lens lens, int layer) {
    this.lens = lens;
    this.hooks = HookMap.of(lens.model());
    this.layer = layer;
  }

  /**
   * Returns the matrices of a layer's block.
   *
   * @throws InvalidInputException if the model does not have the layer, or the layer does not have
   *     a feed-forward block or has several experts
   */
  public static FeedForwardMatrices of(Lens lens, int layer) {
    int layers = lens.model().architecture().layers();
    Preconditions.requireRange("layer", layer, 0, layers - 1);
    var matrices = new FeedForwardMatrices(lens, layer);
    HookPoint out = new HookPoint(HookSite.MLP_OUT, layer);
    Preconditions.require(
        matrices.hooks.has(out), "layer", layer, "does not have a feed-forward block");
    matrices.hooks.product(out);
    return matrices;
  }

  /** Returns whether the block is gated: whether it has W_gate. */
  public boolean gated() {
    return hooks.has(new HookPoint(HookSite.PRE_LINEAR, layer));
  }

  /** Returns the matrices that the block has: W_gate if it is gated, W_in and W_out. */
  public List<Matrix> matrices() {
    return gated() ? List.of(Matrix.values()) : List.of(Matrix.IN, Matrix.OUT);
  }

  /** Returns d_ffn, the number of neurons. */
  public int neurons() {
    return hooks.product(new HookPoint(HookSite.MLP_OUT, layer)).weights().k();
  }

  /**
   * Returns the hook point that a matrix of keys writes: {@code mlp.hook_pre} or {@code
   * mlp.hook_pre_linear}.
   *
   * @throws InvalidInputException if the block does not have the matrix, or it is W_out
   */
  public HookPoint point(Matrix matrix) {
    Preconditions.require(
        matrix != Matrix.OUT, "matrix", matrix.label, "does not read the residual stream");
    Preconditions.require(
        matrix != Matrix.GATE || gated(),
        "matrix",
        matrix.label,
        "the block of layer " + layer + " is not gated; available: W_in, W_out");
    boolean linear = matrix == Matrix.IN && gated();
    return new HookPoint(linear ? HookSite.PRE_LINEAR : HookSite.PRE, layer);
  }

  /**
   * Returns the keys or values of all neurons, [d_ffn][d].
   *
   * @throws InvalidInputException if the block does not have the matrix
   */
  public float[][] vectors(Matrix matrix) {
    return matrix == Matrix.OUT
        ? NeuronOutputs.directions(lens, layer)
        : MatrixProduct.transposed(HeadMatrices.read(ModelMatrices.of(lens), hooks, point(matrix)));
  }

  /**
   * Returns the key or value of a neuron, [d].
   *
   * @throws InvalidInputException if the block does not have the matrix or the neuron
   */
  public float[] vector(Matrix matrix, int neuron) {
    Preconditions.requireRange("neuron", neuron, 0, neurons() - 1);
    return matrix == Matrix.OUT
        ? NeuronOutputs.direction(lens, layer, neuron)
        : vectors(matrix)[neuron];
  }

  /**
   * Returns singular triples (Millidge and Black 2022): directions of the residual stream that many
   * neurons read or write together. For keys, {@link SingularTriple#reads} is the direction, [d],
   * and {@link SingularTriple#writes} is over the neurons, [d_ffn]; for values the reverse.
   *
   * <p>All min(d, d_ffn) triples are computed, in time that grows as d_ffn d² + d³.
   *
   * @param count the maximum number of triples, in descending order of σ
   * @throws InvalidInputException if the block does not have the matrix
   */
  public List<SingularTriple> singular(Matrix matrix, int count) {
    Preconditions.requirePositive("vectors", count);
    float[][] vectors = vectors(matrix);
    // The right factor R of a QR decomposition is d × d and has the same directions.
    double[][] columns = DoubleVectors.doubles(MatrixProduct.transposed(vectors));
    var directions = SingularVectors.of(TriangularFactor.of(columns));
    List<SingularTriple> triples = new ArrayList<>();
    int rank = Math.min(vectors.length, columns.length);
    for (int i = 0; i < Math.min(count, rank); i++) {
      double value = directions.values()[i];
      float[] direction = DoubleVectors.floats(directions.right(i));
      var neurons = new float[vectors.length];
      for (int u = 0; u < neurons.length && value > 0; u++) {
        neurons[u] = (float) (Vectors.dot(vectors[u], direction) / value);
      }
      triples.add(
          matrix == Matrix.OUT
              ? new SingularTriple(value, neurons, direction)
              : new SingularTriple(value, direction, neurons));
    }
    return triples;
  }
}
