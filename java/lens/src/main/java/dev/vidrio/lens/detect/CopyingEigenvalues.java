package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.decode.FactoredMatrix;
import dev.vidrio.lens.decode.FactoredMatrix.Eigenvalue;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.partial.NormValues;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Copying by eigenvalues (Elhage et al. 2021): the full OV circuit {@code W_E W_OV W_U} maps a
 * token to logits; an eigenvector with a positive eigenvalue is a set of tokens that make
 * themselves more likely. {@code Σ λ / Σ |λ|} is 1 for a head that copies everything, −1 for one
 * that makes each token less likely where it occurs, and near 0 for others.
 *
 * <p>V × V has d_h eigenvalues that need not be 0, those of {@code W_O (W_U W_E) W_V}, which is d_h
 * × d_h and exact. {@code W_E} are embeddings as the head reads them ({@link
 * VocabularyProjection#read}): divided by their norm and, after the first feed-forward block, with
 * its output. {@code W_U} includes the gain of the final norm; the mean of all logits, which a
 * softmax ignores, is subtracted. Divisors and biases after the head are ignored.
 *
 * @param layer from 0
 * @param head from 0
 * @param eigenvalues λ, [d_h], in descending order of magnitude
 * @see "docs/lens/mechanisms.md"
 */
public record CopyingEigenvalues(int layer, int head, List<Eigenvalue> eigenvalues)
    implements ScoredHead {
  /** Tokens in one product of embeddings and unembeddings. */
  private static final int TOKENS = 2048;

  /** Rows of W_U that are dequantized at once; a divisor of {@link #TOKENS}. */
  private static final int ROWS = 256;

  public CopyingEigenvalues {
    eigenvalues = List.copyOf(eigenvalues);
  }

  /** Returns {@code Σ λ / Σ |λ|}, −1 to 1; 0 if all are 0. */
  public double score() {
    double sum = eigenvalues.stream().mapToDouble(Eigenvalue::real).sum();
    double size = eigenvalues.stream().mapToDouble(Eigenvalue::magnitude).sum();
    return size == 0 ? 0 : sum / size;
  }

  /**
   * Computes the eigenvalues of all heads.
   *
   * @return by layer and head
   * @throws dev.vidrio.error.InvalidInputException if values of a layer are not products of the
   *     residual stream, or the model has several residual streams
   */
  public static List<CopyingEigenvalues> of(Lens lens) {
    Preconditions.requireOneStream(lens.model(), "copying by eigenvalues");
    int layers = lens.model().architecture().layers();
    int plain = HookMap.of(lens.model()).firstMlp().orElse(layers - 1) + 1;
    List<CopyingEigenvalues> found = new ArrayList<>();
    add(lens, 0, plain, found);
    add(lens, plain, layers, found);
    return List.copyOf(found);
  }

  /** Adds the heads of some layers, which all read plain embeddings or all read effective ones. */
  private static void add(Lens lens, int from, int to, List<CopyingEigenvalues> found) {
    HookMap hooks = HookMap.of(lens.model());
    int[] layers = IntStream.range(from, to).filter(l -> hooks.heads(l) > 0).toArray();
    if (layers.length == 0) {
      return;
    }
    float[][] vocabulary = MatrixProduct.transposed(vocabulary(lens, layers[0]));
    try (var product = MatrixProduct.of(lens.model().executor(), vocabulary, ROWS)) {
      for (int layer : layers) {
        List<FactoredMatrix> heads =
            HeadMatrices.of(lens, layer).stream()
                .map(HeadMatrices::ov)
                .map(ov -> FactoredMatrix.of(ov.left(), product.of(ov.right())))
                .toList();
        found.addAll(
            IntStream.range(0, heads.size())
                .parallel()
                .mapToObj(h -> new CopyingEigenvalues(layer, h, heads.get(h).eigenvalues()))
                .toList());
      }
    }
  }

  /** Returns {@code W_U W_E}, [d][d], for embeddings as heads of a layer read them. */
  private static float[][] vocabulary(Lens lens, int layer) {
    Model model = lens.model();
    int d = model.architecture().width();
    int tokens = model.architecture().vocabulary();
    List<Op> ops = model.architecture().plan().ops();
    Op.Norm norm = last(ops, Op.Norm.class);
    var sum = new double[d][d];
    var unembeddings = new double[d];
    var embeddings = new double[d];
    try (RowPlan rows = LogitDirection.rows(model, last(ops, Op.MatMul.class).weights(), ROWS);
        var product = new MatrixProduct(model.executor(), d, TOKENS, d)) {
      for (int begin = 0; begin < tokens; begin += TOKENS) {
        int from = begin;
        int end = Math.min(tokens, begin + TOKENS);
        // Transposed, [d][tokens]; zeros after the last token.
        var u = new float[d][TOKENS];
        var x = new float[d][TOKENS];
        for (int b = begin; b < end; b += ROWS) {
          int[] some = IntStream.range(b, Math.min(end, b + ROWS)).toArray();
          rows.run(some);
          for (int i = 0; i < some.length; i++) {
            float[] row = unembedding(norm, rows.output(i).toArray(JAVA_FLOAT));
            put(u, some[i] - from, row, unembeddings);
          }
        }
        VocabularyProjection.embeddings(
            lens,
            layer,
            IntStream.range(begin, end).toArray(),
            (token, row) -> put(x, token - from, row, embeddings));
        product.weights(x);
        float[][] part = product.of(u);
        for (int i = 0; i < d; i++) {
          DoubleVectors.add(sum[i], 1, DoubleVectors.doubles(part[i]));
        }
      }
    }
    var centered = new float[d][];
    for (int i = 0; i < d; i++) {
      DoubleVectors.add(sum[i], -unembeddings[i] / tokens, embeddings);
      centered[i] = DoubleVectors.floats(sum[i]);
    }
    return centered;
  }

  private static <T extends Op> T last(List<Op> ops, Class<T> kind) {
    return ops.stream().filter(kind::isInstance).map(kind::cast).reduce((a, b) -> b).orElseThrow();
  }

  /**
   * Returns {@code γ ⊙ W_U[:,v]}, which reads nothing of the mean if the final norm subtracts it.
   */
  private static float[] unembedding(Op.Norm norm, float[] column) {
    @Nullable Weights gain = norm.gain();
    for (int j = 0; gain != null && j < column.length; j++) {
      column[j] *= gain.data().getAtIndex(JAVA_FLOAT, j);
    }
    NormValues.center(norm, column);
    return column;
  }

  private static void put(float[][] columns, int token, float[] row, double[] sum) {
    for (int j = 0; j < row.length; j++) {
      columns[j][token] = row[j];
      sum[j] += row[j];
    }
  }
}
