package dev.vidrio.lens.intervene;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;

/**
 * Distributed alignment search (Geiger et al. 2024, arXiv 2303.02536): finds the subspace of an
 * activation that represents a variable. The rows R are trained so that the interchange {@code h' =
 * h + (h_source − h) Rᵀ R} makes the model give the answers implied by the source's value;
 * gradients of their log-probabilities, or of another {@linkplain Interchange objective}, flow to R
 * through the weights that serve. After each step the rows are orthonormalized.
 *
 * <p>Not thread-safe.
 *
 * @see BoundlessAlignmentSearch
 * @see "docs/lens/interventions.md"
 */
public final class DistributedAlignmentSearch implements AutoCloseable {
  private final double rate;
  private final OrthonormalRows rows;
  private final InterchangeGradients gradients;

  /**
   * Starts a search from random rows.
   *
   * @param point the activation, with one row per token
   * @param interchanges training data
   * @param rank k, the number of rows of R: 0 changes nothing, d replaces the whole activation
   * @param rate learning rate, approximately in radians
   */
  public DistributedAlignmentSearch(
      Lens lens,
      HookPoint point,
      List<Interchange> interchanges,
      int rank,
      double rate,
      long seed) {
    Preconditions.require(
        rate > 0 && rate < 1, "learning rate", rate, "must be above 0 and below 1");
    this.rate = rate;
    this.gradients = new InterchangeGradients(lens, point, interchanges);
    try {
      Preconditions.requireRange("rank", rank, 0, gradients.width());
      this.rows = OrthonormalRows.random(rank, gradients.width(), seed);
    } catch (Throwable e) {
      gradients.close();
      throw e;
    }
  }

  /** Returns R, its rows one after the other, [k · d], as for {@link Intervention#swap}. */
  public float[] basis() {
    return rows.basis(rows.count());
  }

  /** Returns the interventions of an interchange with the current rows. */
  public List<Intervention> edits(Interchange each) {
    return gradients.swap(each, basis());
  }

  /**
   * Runs one step of Adam on all interchanges, and returns the mean of their objectives before it.
   */
  public double step() {
    var gradient = new double[rows.count()][gradients.width()];
    float[] basis = basis();
    double sum = 0;
    for (int i = 0; i < gradients.size(); i++) {
      sum += gradients.swap(i, basis);
      float[] back = gradients.gradient(i);
      for (int r = 0; r < rows.count(); r++) {
        addGradient(gradient[r], rows.row(r), back, gradients.difference(i));
      }
    }
    rows.ascend(gradient, rate);
    return sum / gradients.size();
  }

  /**
   * Adds the derivative of h' with respect to a row r of R: {@code (r · δ) g + (g · r) δ}, where δ
   * = h_source − h.
   */
  static void addGradient(double[] sum, double[] r, float[] g, float[] difference) {
    double along = 0;
    double back = 0;
    for (int j = 0; j < r.length; j++) {
      along += r[j] * difference[j];
      back += r[j] * g[j];
    }
    for (int j = 0; j < r.length; j++) {
      sum[j] += along * g[j] + back * difference[j];
    }
  }

  /**
   * Returns the interchange intervention accuracy: the mean success of interchanges. By default,
   * the fraction after which the answer has a larger logit than the original one.
   */
  public double accuracy(List<Interchange> tested) {
    return gradients.accuracy(tested, basis());
  }

  /** Returns the mean objective of interchanges. */
  public double objective(List<Interchange> tested) {
    return gradients.objective(tested, basis());
  }

  @Override
  public void close() {
    gradients.close();
  }
}
