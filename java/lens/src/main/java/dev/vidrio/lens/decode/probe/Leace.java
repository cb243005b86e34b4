package dev.vidrio.lens.decode.probe;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.Arrays;
import java.util.List;

/**
 * Least-squares concept erasure, LEACE (Belrose et al. 2023, arXiv 2306.03819): of all affine maps
 * after which no linear classifier is better than a constant, the one with the smallest mean
 * squared change. With classes z as one-hot vectors it is
 *
 * <pre>x ↦ x − Σ_xz (Σ_zx Σ_xx⁺ Σ_xz)⁺ Σ_zx Σ_xx⁺ (x − E[x])</pre>
 *
 * the projection along Σ_xz that is orthogonal in the metric Σ_xx⁺; the paper writes it with a
 * whitening W, and any whitening gives the same map.
 *
 * @see "docs/lens/decoding.md"
 */
public final class Leace implements ConceptEraser {
  /**
   * Relative to the largest eigenvalue, the threshold below which an eigenvalue counts as 0: the
   * rounding of f32, squared.
   */
  private static final double RANK = 1e-12;

  private final double[] mean;

  /** [r][d] each: {@code Σᵢ ⟨readᵢ, x − mean⟩ writeᵢ} is subtracted from x. */
  private final double[][] read;

  private final double[][] write;

  private Leace(double[] mean, double[][] read, double[][] write) {
    this.mean = mean;
    this.read = read;
    this.write = write;
  }

  /** Fits the eraser of the classes of examples. */
  public static Leace fit(Examples examples) {
    // The result does not depend on the units of dimensions, but its rounding does.
    CenteredRows plain = CenteredRows.of(examples.rows());
    double[] lengths = Arrays.stream(plain.squares()).map(Math::sqrt).toArray();
    double[] factors = Arrays.stream(lengths).map(x -> x == 0 ? 0 : 1 / x).toArray();
    CenteredRows centered = plain.scaled(factors);
    int d = examples.width();
    int n = examples.size();
    int classes = examples.classes();
    // Rows are centered, so that the classes' frequencies cancel in Σ_zx.
    var cross = new double[classes][d];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < d; j++) {
        cross[examples.label(i)][j] += centered.rows()[i][j] / (double) n;
      }
    }
    double[][] whitened = whitened(centered, cross);
    var inner = new double[classes][classes];
    for (int a = 0; a < classes; a++) {
      for (int b = 0; b < classes; b++) {
        inner[a][b] = (dot(whitened[a], cross[b]) + dot(whitened[b], cross[a])) / 2;
      }
    }
    Leace leace = of(centered.mean(), SingularVectors.of(inner), cross, whitened);
    for (int r = 0; r < leace.rank(); r++) {
      for (int j = 0; j < d; j++) {
        leace.read[r][j] *= factors[j];
        leace.write[r][j] *= lengths[j];
      }
    }
    return leace;
  }

  /**
   * Returns rows times Σ_xx⁺. Its eigenvectors are the right singular vectors of X, or those of XᵀX
   * if that is smaller.
   */
  private static double[][] whitened(CenteredRows centered, double[][] rows) {
    int n = centered.rows().length;
    boolean few = n < centered.mean().length;
    var vectors = SingularVectors.of(few ? centered.doubles() : centered.gram());
    var result = new double[rows.length][centered.mean().length];
    double greatest = eigenvalue(vectors, 0, few);
    for (int e = 0; e < vectors.values().length; e++) {
      double value = eigenvalue(vectors, e, few);
      if (value > RANK * greatest) {
        double[] vector = vectors.right(e);
        for (int r = 0; r < rows.length; r++) {
          add(result[r], dot(rows[r], vector) * n / value, vector);
        }
      }
    }
    return result;
  }

  /** Returns an eigenvalue of XᵀX. */
  private static double eigenvalue(SingularVectors vectors, int e, boolean ofRows) {
    double value = vectors.values()[e];
    return ofRows ? value * value : value;
  }

  /**
   * Returns the eraser; the eigenvectors of the inner matrix determine the erased combinations of
   * classes.
   */
  private static Leace of(
      double[] mean, SingularVectors inner, double[][] cross, double[][] whitened) {
    int rank = 0;
    while (rank < inner.values().length && inner.values()[rank] > RANK * inner.values()[0]) {
      rank++;
    }
    var read = new double[rank][mean.length];
    var write = new double[rank][mean.length];
    for (int r = 0; r < rank; r++) {
      double[] vector = inner.right(r);
      for (int c = 0; c < vector.length; c++) {
        add(read[r], vector[c] / inner.values()[r], whitened[c]);
        add(write[r], vector[c], cross[c]);
      }
    }
    return new Leace(mean, read, write);
  }

  /**
   * Returns the number of erased directions: the number of classes minus one, if all are
   * distinguishable.
   */
  @Override
  public int rank() {
    return read.length;
  }

  /** Returns the matrix P of {@code x ↦ P (x − E[x]) + E[x]}, [d][d]. */
  public double[][] projection() {
    int d = mean.length;
    var p = new double[d][d];
    for (int i = 0; i < d; i++) {
      p[i][i] = 1;
      for (int r = 0; r < rank(); r++) {
        add(p[i], -write[r][i], read[r]);
      }
    }
    return p;
  }

  @Override
  public float[] erase(float[] x) {
    double[] erased = DoubleVectors.doubles(x);
    for (int r = 0; r < rank(); r++) {
      double amount = 0;
      for (int j = 0; j < x.length; j++) {
        amount += read[r][j] * (x[j] - mean[j]);
      }
      add(erased, -amount, write[r]);
    }
    return DoubleVectors.floats(erased);
  }

  /** Returns an orthonormal basis of Σ_xz, along which activations change, [r] of [d]. */
  @Override
  public List<float[]> directions() {
    return SubspaceEraser.of(List.of(write), mean).directions();
  }

  /** Returns E[x], which erasure leaves unchanged, [d]. */
  public double[] mean() {
    return mean.clone();
  }
}
