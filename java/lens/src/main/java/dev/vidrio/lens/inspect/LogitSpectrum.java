package dev.vidrio.lens.inspect;

import dev.vidrio.lens.component.UnembeddingGram;
import dev.vidrio.lens.numeric.SingularVectors;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;

/**
 * The spectrum of the unembedding (Cancedda 2024, arXiv 2402.09221): the singular vectors of {@code
 * diag(γ) W_U}, [d, V], in the space of the residual stream, in descending order of their singular
 * values. The part of a stream in the span of the first ones changes logits most, that in the span
 * of the last ones, the <i>dark</i> subspace, hardly: the model keeps there what is not to be said,
 * such as the marks of attention sinks.
 *
 * <p>γ is the gain of the final norm; if the norm subtracts the mean, so do the columns, and the
 * direction of the mean has the singular value 0. The vectors are those of the eigendecomposition
 * of {@code diag(γ) W_U W_Uᵀ diag(γ)}, [d, d]; memory does not grow with the vocabulary.
 *
 * <p>Immutable.
 *
 * @see LogitSpectroscopy
 * @see "docs/lens/decoding.md"
 */
public final class LogitSpectrum {
  private final double[] values;
  private final float[][] vectors;

  private LogitSpectrum(double[] values, float[][] vectors) {
    this.values = values;
    this.vectors = vectors;
  }

  /**
   * Decomposes the unembedding of a model, in time that grows as V d² + d³.
   *
   * @throws dev.vidrio.error.InvalidInputException if the model has several residual streams
   */
  public static LogitSpectrum of(Model model) {
    var found = SingularVectors.of(UnembeddingGram.of(model));
    int d = found.values().length;
    var values = new double[d];
    var vectors = new float[d][];
    for (int i = 0; i < d; i++) {
      values[i] = Math.sqrt(found.values()[i]);
      vectors[i] = DoubleVectors.floats(found.left(i));
    }
    return new LogitSpectrum(values, vectors);
  }

  /** Returns d, the number of singular vectors. */
  public int size() {
    return values.length;
  }

  /** Returns the i-th largest singular value: the norm of the logits of vector i. */
  public double value(int i) {
    return values[i];
  }

  /** Returns a copy of singular vector i, a unit vector [d]. */
  public float[] vector(int i) {
    return vectors[i].clone();
  }

  /**
   * Returns the index of the first vector of a band; bands have equal numbers of vectors up to one.
   *
   * @param band from 0; {@code bands} for the end of the last
   * @param bands number of bands, 1 to d
   */
  public int begin(int band, int bands) {
    return Math.toIntExact((long) band * size() / bands);
  }

  /**
   * Returns the portion of the squared norm of a vector in each band, which sum to 1; zeros for a
   * zero vector.
   *
   * @param x a part of the residual stream, [d]
   * @param bands number of bands, 1 to d
   * @throws dev.vidrio.error.InvalidInputException if the number is out of range
   */
  public double[] shares(float[] x, int bands) {
    Preconditions.requireRange("bands", bands, 1, size());
    var shares = new double[bands];
    double total = 0;
    for (int band = 0; band < bands; band++) {
      for (int i = begin(band, bands); i < begin(band + 1, bands); i++) {
        double part = Vectors.dot(vectors[i], x);
        shares[band] += part * part;
        total += part * part;
      }
    }
    if (total > 0) {
      DoubleVectors.scale(shares, 1 / total);
    }
    return shares;
  }
}
