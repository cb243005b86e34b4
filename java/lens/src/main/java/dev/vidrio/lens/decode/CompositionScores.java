package dev.vidrio.lens.decode;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.numeric.TriangularFactor;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;

/**
 * Composition scores of pairs of heads (Elhage et al. 2021): how much of what a head writes is in
 * the subspace that a head of a later layer reads, by the weights alone,
 *
 * <pre>{@code ‖W_A W_B‖ / (‖W_A‖ ‖W_B‖)}</pre>
 *
 * with Frobenius norms, {@code W_A = W_OV} of the earlier head, and {@code W_B} of the later head
 * as {@link Kind} defines it. A score is 0 to 1. That of independent random matrices is about 1/√d,
 * {@link #random}, which Elhage et al. subtract; factors of a matrix cancel. The values are those
 * of {@code all_composition_scores} in TransformerLens. Its masked pairs are not scored here: a
 * head reads what heads of earlier layers write.
 *
 * <p>Norms and biases are treated as {@link HeadMatrices} says. If the norm before attention
 * subtracts the mean, the mean of W_OV's rows is not counted either. With shared keys and values
 * (as in Gemma 3n), {@link Kind#K} and {@link Kind#V} pair a head with those before the layer that
 * computes its keys. Layers without attention have no heads; latent attention is not supported.
 *
 * <p>For each pair {@code W_V W_O W_Q W_Kᵀ} costs a product d_h × d × d_h: {@code ‖W_V X‖ = ‖R X‖}
 * with the triangular factor R of W_V, and likewise for the last factor. The memory is that of all
 * W_O in f32.
 *
 * @see "docs/lens/mechanisms.md"
 */
public final class CompositionScores {
  private final Kind kind;
  private final int width;
  private final List<Node.Head> heads;
  private final double[][] scores;

  /** The input of a head that reads the output of an earlier head. */
  public enum Kind {
    /** Queries: {@code W_B = W_Q W_Kᵀ}. */
    Q,
    /** Keys: {@code W_B = W_K W_Qᵀ}; an induction head's keys read a previous-token head. */
    K,
    /** Values: {@code W_B = W_V W_O}; the pair is a virtual head. */
    V
  }

  /**
   * The score of a pair.
   *
   * @param from the earlier head
   * @param to the later head
   * @param value 0 to 1
   */
  public record Score(Node.Head from, Node.Head to, double value) {}

  private CompositionScores(Kind kind, int width, List<Node.Head> heads) {
    this.kind = kind;
    this.width = width;
    this.heads = heads;
    this.scores = new double[heads.size()][heads.size()];
    Arrays.stream(scores).forEach(row -> Arrays.fill(row, Double.NaN));
  }

  /** W_QK and W_OV of a head. */
  private static final class Circuits {
    final FactoredMatrix qk;
    final FactoredMatrix ov;

    Circuits(HeadMatrices head, boolean centered) {
      this.qk = head.qk();
      float[][] outputs = head.ov().right();
      if (centered) {
        Arrays.stream(outputs).forEach(Circuits::center);
      }
      this.ov = new FactoredMatrix(head.ov().left(), outputs);
    }

    private static void center(float[] row) {
      double sum = 0;
      for (float x : row) {
        sum += x;
      }
      float mean = (float) (sum / row.length);
      for (int j = 0; j < row.length; j++) {
        row[j] -= mean;
      }
    }

    /** Returns W_B. */
    FactoredMatrix read(Kind kind) {
      return switch (kind) {
        case Q -> qk;
        case K -> qk.transposed();
        case V -> ov;
      };
    }
  }

  /** The heads of a layer, as the earlier ones of pairs. */
  private static final class Writers {
    /** The number of the first head. */
    final int first;

    final int heads;

    /** R W_O of all heads, [H · d_h][d]. Its norm with any matrix is that of W_V W_O. */
    final float[][] rows;

    Writers(int first, List<Circuits> layer) {
      this.first = first;
      this.heads = layer.size();
      this.rows = stacked(layer.stream().map(head -> reduced(head.ov)).toList());
    }
  }

  /**
   * Scores all pairs of heads.
   *
   * @param kinds of composition
   * @return the scores of each kind, in the order of {@code kinds}
   * @throws InvalidInputException if queries, keys and values of a layer are not products of the
   *     residual stream, or the model has several residual streams
   */
  public static List<CompositionScores> of(Lens lens, Collection<Kind> kinds) {
    Preconditions.requireOneStream(lens.model(), "composition scores");
    HookMap hooks = HookMap.of(lens.model());
    int layers = lens.model().architecture().layers();
    List<Node.Head> heads = new ArrayList<>();
    for (int l = 0; l < layers; l++) {
      for (int h = 0; h < hooks.heads(l); h++) {
        heads.add(new Node.Head(l, h));
      }
    }
    Preconditions.require(!heads.isEmpty(), "composition scores", "", "the model has no attention");
    int width = lens.model().architecture().width();
    List<CompositionScores> all =
        kinds.stream().map(kind -> new CompositionScores(kind, width, heads)).toList();
    List<Writers> before = new ArrayList<>();
    int first = 0;
    for (int l = 0; l < layers; l++) {
      if (hooks.heads(l) == 0) {
        continue;
      }
      boolean centered = HeadMatrices.centered(hooks, new HookPoint(HookSite.Q, l));
      List<Circuits> layer =
          HeadMatrices.of(lens, l).stream().map(head -> new Circuits(head, centered)).toList();
      for (CompositionScores scores : all) {
        int end = scores.kind == Kind.Q ? l : hooks.keysOf(l);
        scores.fill(lens, first, layer, before, end);
      }
      before.add(new Writers(first, layer));
      first += layer.size();
    }
    return all;
  }

  /** Returns R B of {@code A B} with {@code AᵀA = RᵀR}: it has the norms of A B, r × n. */
  private static float[][] reduced(FactoredMatrix matrix) {
    double[][] left =
        TriangularFactor.of(DoubleVectors.doubles(MatrixProduct.transposed(matrix.left())));
    double[][] right = DoubleVectors.doubles(matrix.right());
    var product = new double[left.length][right[0].length];
    for (int i = 0; i < left.length; i++) {
      for (int k = 0; k < right.length; k++) {
        DoubleVectors.add(product[i], left[i][k], right[k]);
      }
    }
    return Arrays.stream(product).map(DoubleVectors::floats).toArray(float[][]::new);
  }

  private static float[][] stacked(List<float[][]> matrices) {
    return matrices.stream().flatMap(Arrays::stream).toArray(float[][]::new);
  }

  /** Scores the heads of a layer with those of layers before {@code end}. */
  private void fill(Lens lens, int first, List<Circuits> layer, List<Writers> before, int end) {
    // The transpose of W_B is reduced: ‖L W_B‖ = ‖W_Bᵀ Lᵀ‖ for any L.
    List<float[][]> reading =
        layer.stream().map(head -> reduced(head.read(kind).transposed())).toList();
    double[] norms =
        reading.stream().mapToDouble(rows -> norm(rows, 0, rows.length, 0, width)).toArray();
    float[][] weights = stacked(reading);
    int rank = weights.length / norms.length;
    int most = before.stream().mapToInt(w -> w.rows.length).max().orElse(1);
    try (var product = MatrixProduct.of(lens.model().executor(), weights, most)) {
      for (Writers writers : before) {
        if (heads.get(writers.first).layer() >= end) {
          break;
        }
        float[][] composed = product.of(writers.rows);
        int height = writers.rows.length / writers.heads;
        for (int from = 0; from < writers.heads; from++) {
          int top = from * height;
          double written = norm(writers.rows, top, height, 0, width);
          for (int to = 0; to < norms.length; to++) {
            double both = norm(composed, top, height, to * rank, rank);
            double norm = written * norms[to];
            scores[writers.first + from][first + to] = norm == 0 ? 0 : both / norm;
          }
        }
      }
    }
  }

  /** Returns the Frobenius norm of a part of a matrix. */
  private static double norm(float[][] rows, int top, int height, int left, int width) {
    double sum = 0;
    for (int i = top; i < top + height; i++) {
      for (int j = left; j < left + width; j++) {
        sum += (double) rows[i][j] * rows[i][j];
      }
    }
    return Math.sqrt(sum);
  }

  /** Returns the kind of composition. */
  public Kind kind() {
    return kind;
  }

  /** Returns the heads of the model, by layer. */
  public List<Node.Head> heads() {
    return heads;
  }

  /** Returns 1/√d, the root of the mean square of scores of random matrices. */
  public double random() {
    return 1 / Math.sqrt(width);
  }

  /**
   * Returns the score of a pair of heads, 0 to 1; NaN if the second does not read what the first
   * writes, as in one layer.
   *
   * @throws InvalidInputException if the model does not have a head
   */
  public double score(Node.Head from, Node.Head to) {
    return scores[number(from)][number(to)];
  }

  private int number(Node.Head head) {
    int number = heads.indexOf(Objects.requireNonNull(head));
    Preconditions.require(number >= 0, "head", head.name(), "is not a head of the model");
    return number;
  }

  /** Returns the scores of all pairs, in descending order. */
  public List<Score> ranked() {
    List<Score> ranked = new ArrayList<>();
    for (int i = 0; i < scores.length; i++) {
      for (int j = 0; j < scores.length; j++) {
        if (!Double.isNaN(scores[i][j])) {
          ranked.add(new Score(heads.get(i), heads.get(j), scores[i][j]));
        }
      }
    }
    ranked.sort(Comparator.comparingDouble(Score::value).reversed());
    return ranked;
  }

  /** Returns the scores as a table, [from][to], of {@link #heads}; NaN as in {@link #score}. */
  public double[][] table() {
    return Arrays.stream(scores).map(double[]::clone).toArray(double[][]::new);
  }
}
