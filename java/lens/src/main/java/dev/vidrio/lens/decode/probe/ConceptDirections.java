package dev.vidrio.lens.decode.probe;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.lens.numeric.KMeans;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Directions that represent a class, by methods that use labels little: an edit that adds one makes
 * an activation more like that of the class. All have a comparable length: with two classes, adding
 * the direction moves an average activation of the other class about as far as the class is.
 *
 * <p>{@code dev.vidrio.lens.intervene.SteeringVector} finds them for texts with and without a
 * property.
 *
 * @see "docs/lens/probing.md"
 */
public final class ConceptDirections {
  private static final int STEPS = 10_000;
  private static final double CONVERGED = 1e-14;
  private static final int STARTS = 10;

  private ConceptDirections() {}

  /** The method by which a direction is found. */
  public enum Method {
    /** The {@linkplain Examples#differenceInMeans difference in means}. */
    MEANS,
    /** The {@linkplain #pca first principal component} of differences. */
    PCA,
    /** The {@linkplain #kMeans centroids} of clusters. */
    K_MEANS;

    /**
     * Returns the direction of a class, [d].
     *
     * @param seed of {@link #kMeans}
     */
    public float[] of(Examples examples, int c, long seed) {
      return switch (this) {
        case MEANS -> examples.differenceInMeans(c);
        case PCA -> pca(examples, c);
        case K_MEANS -> kMeans(examples, c, seed);
      };
    }
  }

  /**
   * Returns the first principal component of differences, as in representation engineering (Zou et
   * al. 2023, arXiv 2310.01405): the first example of the class minus the first one of any other
   * class, the second minus the second, and so on. It is the direction v with the largest {@code Σ
   * ⟨v, difference⟩²}, for differences with random signs and so a mean of 0. Its length is the
   * difference in means along it.
   *
   * @throws dev.vidrio.error.InvalidInputException if there is no example of the class, or none of
   *     another
   */
  public static float[] pca(Examples examples, int c) {
    double[] means = DoubleVectors.doubles(examples.differenceInMeans(c));
    int[] own = IntStream.range(0, examples.size()).filter(i -> examples.label(i) == c).toArray();
    int[] others =
        IntStream.range(0, examples.size()).filter(i -> examples.label(i) != c).toArray();
    List<double[]> differences =
        IntStream.range(0, Math.min(own.length, others.length))
            .mapToObj(
                i ->
                    DoubleVectors.plus(
                        DoubleVectors.doubles(examples.row(own[i])),
                        -1,
                        DoubleVectors.doubles(examples.row(others[i]))))
            .toList();
    double[] component = principal(differences, means);
    DoubleVectors.scale(component, dot(component, means));
    return DoubleVectors.floats(component);
  }

  /** Returns the first right singular vector of rows by power iteration; zeros if all are zero. */
  private static double[] principal(List<double[]> rows, double[] start) {
    double[] v = start.clone();
    double length = DoubleVectors.norm(v);
    if (length == 0) {
      return v;
    }
    DoubleVectors.scale(v, 1 / length);
    for (int step = 0; step < STEPS; step++) {
      var next = new double[v.length];
      for (double[] row : rows) {
        add(next, dot(row, v), row);
      }
      double norm = DoubleVectors.norm(next);
      if (norm == 0) {
        return next;
      }
      DoubleVectors.scale(next, 1 / norm);
      double distance = DoubleVectors.norm(DoubleVectors.plus(next, -1, v));
      v = next;
      if (distance * distance < CONVERGED) {
        break;
      }
    }
    return v;
  }

  /**
   * Returns the difference of centroids of as many clusters as there are classes, found without
   * labels by {@link KMeans}: that of the cluster with the most examples of the class, relative to
   * other classes, minus the mean of all examples of other clusters. Labels only choose the
   * cluster.
   *
   * @param seed of the clusters
   * @throws dev.vidrio.error.InvalidInputException if there is no example of the class
   */
  public static float[] kMeans(Examples examples, int c, long seed) {
    KMeans found = KMeans.of(examples.rows(), examples.classes(), STARTS, seed);
    // The share of a cluster among the examples of the class, minus that among all others.
    var shares = new double[examples.classes()];
    long own = IntStream.range(0, examples.size()).filter(i -> examples.label(i) == c).count();
    Preconditions.require(
        own > 0 && own < examples.size(), "class", c, own + " examples are of it");
    for (int i = 0; i < examples.size(); i++) {
      shares[found.clusters()[i]] +=
          examples.label(i) == c ? 1.0 / own : -1.0 / (examples.size() - own);
    }
    int best = 0;
    for (int k = 1; k < shares.length; k++) {
      best = shares[k] > shares[best] ? k : best;
    }
    int cluster = best;
    int[] labels = IntStream.of(found.clusters()).map(k -> k == cluster ? 1 : 0).toArray();
    return examples.withLabels(labels).differenceInMeans(1);
  }
}
