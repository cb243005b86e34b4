package dev.vidrio.lens.decode.probe;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Linear adversarial concept erasure, R-LACE (Ravfogel et al. 2022, arXiv 2201.12091): of all
 * orthogonal projections that remove k dimensions, the one after which the best linear probe has
 * the largest loss,
 *
 * <pre>max_P  min_θ  Σᵢ −log p_θ(yᵢ | (I − P)(xᵢ − E[x]))</pre>
 *
 * As in the paper, P is relaxed to the Fantope, the symmetric matrices with eigenvalues from 0 to 1
 * and trace k. A step fits the probe, moves P along the gradient of its loss and projects it to the
 * Fantope; the largest eigenvectors of P then give a projection, and that of the step with the
 * largest loss is the result. P is α I off the span of a few eigenvectors, so that a step costs
 * little more than its two probes.
 *
 * <p>The first projection removes the directions in which the means of the classes differ most. If
 * k is the number of classes minus 1 or more, these are all of them, no linear probe is then better
 * than a constant prediction (Belrose et al. 2023, arXiv 2306.03819), and no step is needed.
 *
 * <p>{@link NullspaceProjection} removes what a probe reads, which need not be what the next probe
 * needs.
 *
 * @param eraser the projection; its center is the mean
 * @param loss of the best probe after it, in bits per example
 * @param frequencies the loss of a constant prediction, which no eraser exceeds
 * @see "docs/lens/probing.md"
 */
public record AdversarialErasure(SubspaceEraser eraser, double loss, double frequencies) {
  /** The first step along a gradient of length 1; step t is by √t smaller. */
  private static final double STEP = 0.5;

  /** The portion of the loss of a constant prediction from which no step is needed. */
  private static final double DONE = 0.9999;

  /** Eigenvalues that differ from α by less are part of α I. */
  private static final double EQUAL = 1e-6;

  private static final int BISECTIONS = 100;

  /**
   * Fits the eraser.
   *
   * @param examples to fit probes to; the loss is that on these
   * @param rank k, the maximum number of dimensions that are removed, 1 to d
   * @param l2 penalty of the probes
   * @param steps maximum number of steps, at least 1
   */
  public static AdversarialErasure fit(
      Executor executor, Examples examples, int rank, double l2, int steps) {
    Preconditions.requireRange("rank", rank, 1, examples.width());
    Preconditions.require(steps >= 1, "rounds", steps, "must be 1 or more");
    CenteredRows centered = CenteredRows.of(examples.rows());
    double frequencies = entropy(examples);
    var relaxed = new Fantope(examples.width(), rank);
    SubspaceEraser first = ofMeans(examples, centered, rank);
    double loss = loss(executor, first.erase(examples), l2);
    var best = new AdversarialErasure(first, loss, frequencies);
    for (int t = 1; t <= steps && best.loss < DONE * frequencies; t++) {
      Examples soft = examples.withRows(relaxed.complement(centered.rows()));
      LinearProbe probe = LinearProbe.logistic(executor, soft, l2);
      var weights = new double[probe.classes()][];
      Arrays.setAll(weights, probe::weights);
      relaxed.move(weights, residuals(probe, soft, centered.rows()), STEP / Math.sqrt(t));
      var eraser = SubspaceEraser.of(relaxed.largest(), centered.mean());
      loss = loss(executor, eraser.erase(examples), l2);
      if (loss > best.loss) {
        best = new AdversarialErasure(eraser, loss, frequencies);
      }
    }
    return best;
  }

  private static double loss(Executor executor, Examples erased, double l2) {
    return LinearProbe.logistic(executor, erased, l2).crossEntropy(erased);
  }

  /**
   * Returns the eraser of the first singular vectors of the classes' means, each weighted by the
   * root of the number of its examples.
   */
  private static SubspaceEraser ofMeans(Examples examples, CenteredRows centered, int rank) {
    float[][] rows = centered.rows();
    var sums = new double[examples.classes()][examples.width()];
    var counts = new int[sums.length];
    for (int i = 0; i < rows.length; i++) {
      add(sums[examples.label(i)], 1, DoubleVectors.doubles(rows[i]));
      counts[examples.label(i)]++;
    }
    for (int c = 0; c < sums.length; c++) {
      DoubleVectors.scale(sums[c], 1 / Math.sqrt(Math.max(1, counts[c])));
    }
    SingularVectors found = SingularVectors.of(sums);
    List<double[]> largest = new ArrayList<>();
    for (int i = 0; i < Math.min(rank, sums.length - 1); i++) {
      largest.add(found.right(i));
    }
    return SubspaceEraser.of(largest, centered.mean());
  }

  /** Returns the entropy of the classes in bits. */
  private static double entropy(Examples examples) {
    var counts = new int[examples.classes()];
    for (int i = 0; i < examples.size(); i++) {
      counts[examples.label(i)]++;
    }
    double n = examples.size();
    return Arrays.stream(counts)
        .filter(count -> count > 0)
        .mapToDouble(count -> -count / n * Math.log(count / n) / Math.log(2))
        .sum();
  }

  /** Returns {@code s_c = Σᵢ (p(c | xᵢ) − [yᵢ = c]) xᵢ}, [C][d], with x before erasure. */
  static double[][] residuals(Probe probe, Examples erased, float[][] rows) {
    var sums = new double[erased.classes()][rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      double[] x = DoubleVectors.doubles(rows[i]);
      for (int c = 0; c < sums.length; c++) {
        double p = Math.exp(probe.logProbability(erased.row(i), c));
        add(sums[c], p - (erased.label(i) == c ? 1 : 0), x);
      }
    }
    return sums;
  }

  /** A symmetric matrix A of d × d with trace k and eigenvalues from 0 to 1. */
  static final class Fantope {
    private final int d;
    private final int k;

    /** Orthonormal eigenvectors and their eigenvalues; all others are α. */
    private List<double[]> vectors = List.of();

    private double[] values = {};
    private double alpha;

    /** Starts from {@code k/d I}. */
    Fantope(int d, int k) {
      this.d = d;
      this.k = k;
      this.alpha = k / (double) d;
    }

    /** Returns {@code (I − A) x} of rows. */
    float[][] complement(float[][] rows) {
      var result = new float[rows.length][];
      for (int i = 0; i < rows.length; i++) {
        double[] x = DoubleVectors.doubles(rows[i]);
        double[] left = x.clone();
        DoubleVectors.scale(left, 1 - alpha);
        for (int v = 0; v < values.length; v++) {
          add(left, (alpha - values[v]) * dot(vectors.get(v), x), vectors.get(v));
        }
        result[i] = DoubleVectors.floats(left);
      }
      return result;
    }

    /**
     * Moves A by a step along {@code −½ Σ_c (w_c s_cᵀ + s_c w_cᵀ)}, the gradient of the probe's
     * loss, and projects it.
     */
    void move(double[][] w, double[][] s, double step) {
      List<double[]> basis = basis(w, s);
      int q = basis.size();
      double[][] gradient = gradient(basis, w, s);
      double length = 0;
      for (double[] row : gradient) {
        length += dot(row, row);
      }
      double factor = length > 0 ? step / Math.sqrt(length) : 0;
      // All eigenvalues become positive by an identity, so that singular vectors are eigenvectors.
      var moved = new double[q][q];
      for (int a = 0; a < q; a++) {
        moved[a][a] = alpha + 1;
        add(moved[a], factor, gradient[a]);
      }
      for (int v = 0; v < values.length; v++) {
        double[] in = coordinates(basis, vectors.get(v));
        for (int a = 0; a < q; a++) {
          add(moved[a], (values[v] - alpha) * in[a], in);
        }
      }
      SingularVectors found = SingularVectors.of(moved);
      var eigenvalues = new double[q];
      Arrays.setAll(eigenvalues, e -> found.values()[e] - 1);
      double shift = shift(eigenvalues);
      double others = Math.clamp(alpha - shift, 0.0, 1.0);
      List<double[]> kept = new ArrayList<>();
      List<Double> keptValues = new ArrayList<>();
      for (int e = 0; e < q; e++) {
        double value = Math.clamp(eigenvalues[e] - shift, 0.0, 1.0);
        if (Math.abs(value - others) > EQUAL) {
          var vector = new double[d];
          double[] in = found.right(e);
          for (int a = 0; a < q; a++) {
            add(vector, in[a], basis.get(a));
          }
          kept.add(vector);
          keptValues.add(value);
        }
      }
      vectors = kept;
      values = keptValues.stream().mapToDouble(Double::doubleValue).toArray();
      alpha = others;
    }

    /** Returns an orthonormal basis of the eigenvectors and the span of the gradient. */
    private List<double[]> basis(double[][] w, double[][] s) {
      List<double[]> all = new ArrayList<>(vectors);
      all.addAll(Arrays.asList(w));
      all.addAll(Arrays.asList(s));
      return SubspaceEraser.of(all, new double[d]).rows();
    }

    private static double[] coordinates(List<double[]> basis, double[] x) {
      return basis.stream().mapToDouble(row -> dot(row, x)).toArray();
    }

    private static double[][] gradient(List<double[]> basis, double[][] w, double[][] s) {
      var gradient = new double[basis.size()][basis.size()];
      for (int c = 0; c < w.length; c++) {
        double[] wc = coordinates(basis, w[c]);
        double[] sc = coordinates(basis, s[c]);
        for (int a = 0; a < wc.length; a++) {
          add(gradient[a], -wc[a] / 2, sc);
          add(gradient[a], -sc[a] / 2, wc);
        }
      }
      return gradient;
    }

    /** Returns the number that, subtracted from all eigenvalues, gives the trace k. */
    private double shift(double[] eigenvalues) {
      double low = -1 - Math.max(alpha, Arrays.stream(eigenvalues).max().orElse(0));
      double high = -low;
      for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;
        double trace = (d - eigenvalues.length) * Math.clamp(alpha - middle, 0.0, 1.0);
        for (double value : eigenvalues) {
          trace += Math.clamp(value - middle, 0.0, 1.0);
        }
        if (trace > k) {
          low = middle;
        } else {
          high = middle;
        }
      }
      return (low + high) / 2;
    }

    /** Returns the eigenvectors of the k largest eigenvalues, without those that are α. */
    List<double[]> largest() {
      List<double[]> largest = new ArrayList<>();
      // In the order of falling eigenvalues.
      for (int v = 0; v < values.length && largest.size() < k && values[v] > alpha; v++) {
        largest.add(vectors.get(v));
      }
      return largest;
    }

    /** Returns A, [d][d]. */
    double[][] matrix() {
      var matrix = new double[d][d];
      for (int i = 0; i < d; i++) {
        matrix[i][i] = alpha;
        for (int v = 0; v < values.length; v++) {
          add(matrix[i], (values[v] - alpha) * vectors.get(v)[i], vectors.get(v));
        }
      }
      return matrix;
    }
  }
}
