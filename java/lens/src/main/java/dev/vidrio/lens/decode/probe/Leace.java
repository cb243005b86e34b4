package dev.vidrio.lens.decode.probe;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.numeric.SingularVectors;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Least-squares concept erasure (Belrose et al. 2023, arXiv 2306.03819): of all affine maps after
 * which no linear classifier beats a constant answer, the one that changes activations least in the
 * mean square. With classes z as one-hot vectors it is
 *
 * <pre>x ↦ x − Σ_xz (Σ_zx Σ_xx⁺ Σ_xz)⁺ Σ_zx Σ_xx⁺ (x − E[x])</pre>
 *
 * the projection along Σ_xz that is orthogonal in the metric Σ_xx⁺; the paper writes it with a
 * whitening W, and any one gives the same.
 */
public final class Leace {
  /** Of the greatest eigenvalue, below which one counts as 0: the rounding of f32, squared. */
  private static final double RANK = 1e-12;

  private final double[] mean;

  /** [r][d] each: x loses {@code Σᵢ ⟨readᵢ, x − mean⟩ writeᵢ}. */
  private final double[][] read;

  private final double[][] write;

  private Leace(double[] mean, double[][] read, double[][] write) {
    this.mean = mean;
    this.read = read;
    this.write = write;
  }

  /** Fits the eraser of the classes of examples. */
  public static Leace fit(Examples examples) {
    // What is erased does not depend on the units of dimensions, but its rounding does.
    CenteredRows plain = CenteredRows.of(examples.rows());
    double[] lengths = Arrays.stream(plain.squares()).map(Math::sqrt).toArray();
    double[] factors = Arrays.stream(lengths).map(x -> x == 0 ? 0 : 1 / x).toArray();
    CenteredRows centred = plain.scaled(factors);
    int d = examples.width();
    int n = examples.size();
    int classes = examples.classes();
    // Rows are centred, so that the classes' frequencies drop out of Σ_zx.
    var cross = new double[classes][d];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < d; j++) {
        cross[examples.label(i)][j] += centred.rows()[i][j] / (double) n;
      }
    }
    double[][] whitened = whitened(centred, cross);
    var inner = new double[classes][classes];
    for (int a = 0; a < classes; a++) {
      for (int b = 0; b < classes; b++) {
        inner[a][b] = (dot(whitened[a], cross[b]) + dot(whitened[b], cross[a])) / 2;
      }
    }
    Leace leace = of(centred.mean(), SingularVectors.of(inner), cross, whitened);
    for (int r = 0; r < leace.rank(); r++) {
      for (int j = 0; j < d; j++) {
        leace.read[r][j] *= factors[j];
        leace.write[r][j] *= lengths[j];
      }
    }
    return leace;
  }

  /**
   * Rows times Σ_xx⁺. Its eigenvectors are the right singular vectors of X, or those of XᵀX where
   * that is smaller.
   */
  private static double[][] whitened(CenteredRows centred, double[][] rows) {
    int n = centred.rows().length;
    boolean few = n < centred.mean().length;
    var vectors = SingularVectors.of(few ? centred.doubles() : centred.gram());
    var result = new double[rows.length][centred.mean().length];
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

  /** Of XᵀX. */
  private static double eigenvalue(SingularVectors vectors, int e, boolean ofRows) {
    double value = vectors.values()[e];
    return ofRows ? value * value : value;
  }

  /** The eigenvectors of the inner matrix say which sums of classes are erased. */
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

  /** Directions that are erased: the classes less one, where all can be told apart. */
  public int rank() {
    return read.length;
  }

  /** The matrix P of {@code x ↦ P (x − E[x]) + E[x]}, [d][d]. */
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

  /** An activation without the classes. */
  public float[] erase(float[] x) {
    var erased = new double[x.length];
    for (int j = 0; j < x.length; j++) {
      erased[j] = x[j];
    }
    for (int r = 0; r < rank(); r++) {
      double amount = 0;
      for (int j = 0; j < x.length; j++) {
        amount += read[r][j] * (x[j] - mean[j]);
      }
      add(erased, -amount, write[r]);
    }
    var result = new float[x.length];
    for (int j = 0; j < x.length; j++) {
      result[j] = (float) erased[j];
    }
    return result;
  }

  /** Examples whose activations do not hold the classes any more. */
  public Examples erase(Examples examples) {
    var rows = new float[examples.size()][];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = erase(examples.row(i));
    }
    return examples.withRows(rows);
  }

  /** Erases in the middle of a pass, at all tokens. */
  public Hook hook() {
    return rows -> {
      for (int i = 0; i < rows.size(); i++) {
        MemorySegment row = rows.row(i);
        row.copyFrom(MemorySegment.ofArray(erase(row.toArray(JAVA_FLOAT))));
      }
    };
  }
}
