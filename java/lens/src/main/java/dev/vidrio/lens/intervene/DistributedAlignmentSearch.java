package dev.vidrio.lens.intervene;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Distributed alignment search (Geiger et al. 2024, arXiv 2303.02536): finds the subspace of an
 * activation that represents a variable. The rows R are trained so that the interchange {@code h' =
 * h + (h_source − h) Rᵀ R} makes the model give the answers implied by the source's value;
 * gradients of their log-probabilities, or of another {@linkplain Interchange objective}, flow to R
 * through the weights that serve. After each step the rows are orthonormalized.
 *
 * <p>Not thread-safe.
 *
 * @see "docs/lens/interventions.md"
 */
public final class DistributedAlignmentSearch implements AutoCloseable {
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.99;
  private static final double EPSILON = 1e-8;

  private final Lens lens;
  private final HookPoint point;
  private final List<Interchange> interchanges;
  private final List<float[]> sources = new ArrayList<>();
  private final List<float[]> differences = new ArrayList<>();
  private final double rate;
  private final double[][] rows;
  private final double[][] first;
  private final double[][] second;
  private final GradientSession session;
  private int steps;

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
    Preconditions.require(!interchanges.isEmpty(), "interchanges", "", "must be at least 1");
    Preconditions.require(
        rate > 0 && rate < 1, "learning rate", rate, "must be above 0 and below 1");
    Preconditions.requireRows(point);
    // After the last block, gradients exist for the last token only.
    boolean inBlock = point.site().inBlock() || point.site().isResidualStream();
    Preconditions.require(inBlock, "hook", point.name(), "must be in a block");
    this.lens = lens;
    this.point = point;
    this.interchanges = List.copyOf(interchanges);
    this.rate = rate;
    for (Interchange each : interchanges) {
      float[] source = lens.row(each.source, point, each.sourcePosition);
      sources.add(source);
      differences.add(Vectors.minus(source, lens.row(each.base, point, each.basePosition)));
    }
    int d = sources.getFirst().length;
    Preconditions.requireRange("rank", rank, 0, d);
    this.rows = random(rank, d, seed);
    this.first = new double[rank][d];
    this.second = new double[rank][d];
    int longest = interchanges.stream().mapToInt(each -> each.base.length).max().orElseThrow();
    int read = interchanges.stream().mapToInt(each -> each.objective.positions()).max().orElse(1);
    String name = point.name();
    var options = GradientOptions.of(name, longest).withEditable(name).withLogits(read);
    this.session = GradientSession.open(lens, options);
  }

  private static double[][] random(int rank, int d, long seed) {
    var random = new SplitMix64(seed);
    var rows = new double[rank][d];
    for (double[] row : rows) {
      for (int j = 0; j < d; j++) {
        row[j] = random.nextDouble() + random.nextDouble() - 1;
      }
    }
    orthonormalize(rows);
    return rows;
  }

  /** Orthonormalizes by Gram-Schmidt, twice, since one pass is inexact. */
  private static void orthonormalize(double[][] rows) {
    for (int pass = 0; pass < 2; pass++) {
      for (int r = 0; r < rows.length; r++) {
        for (int s = 0; s < r; s++) {
          add(rows[r], -dot(rows[r], rows[s]), rows[s]);
        }
        DoubleVectors.scale(rows[r], 1 / DoubleVectors.norm(rows[r]));
      }
    }
  }

  /** Returns R, its rows one after the other, [k · d], as for {@link Intervention#swap}. */
  public float[] basis() {
    int d = sources.getFirst().length;
    var basis = new float[rows.length * d];
    for (int r = 0; r < rows.length; r++) {
      for (int j = 0; j < d; j++) {
        basis[r * d + j] = (float) rows[r][j];
      }
    }
    return basis;
  }

  /** Returns the interventions of an interchange with the current rows. */
  public List<Intervention> edits(Interchange each) {
    return edits(each, lens.row(each.source, point, each.sourcePosition));
  }

  private List<Intervention> edits(Interchange each, float[] source) {
    return rows.length == 0
        ? List.of()
        : List.of(Intervention.swap(point, basis(), source).position(each.basePosition));
  }

  /**
   * Runs one step of Adam on all interchanges, and returns the mean of their objectives before it.
   */
  public double step() {
    int d = sources.getFirst().length;
    var gradient = new double[rows.length][d];
    double sum = 0;
    for (int i = 0; i < interchanges.size(); i++) {
      sum += run(i);
      float[] back = session.gradient(point).row(interchanges.get(i).basePosition);
      for (int r = 0; r < rows.length; r++) {
        addGradient(gradient[r], rows[r], back, differences.get(i));
      }
    }
    steps++;
    for (int r = 0; r < rows.length; r++) {
      ascend(r, gradient[r]);
    }
    orthonormalize(rows);
    return sum / interchanges.size();
  }

  private double run(int i) {
    Interchange each = interchanges.get(i);
    session.edits(edits(each, sources.get(i)));
    return session.run(each.base, each.objective);
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

  private void ascend(int r, double[] gradient) {
    double scale1 = 1 / (1 - Math.pow(BETA1, steps));
    double scale2 = 1 / (1 - Math.pow(BETA2, steps));
    // The size of the elements of rows of length 1.
    double size = 1 / Math.sqrt(gradient.length);
    for (int j = 0; j < gradient.length; j++) {
      first[r][j] = BETA1 * first[r][j] + (1 - BETA1) * gradient[j];
      second[r][j] = BETA2 * second[r][j] + (1 - BETA2) * gradient[j] * gradient[j];
      rows[r][j] +=
          rate * size * first[r][j] * scale1 / (Math.sqrt(second[r][j] * scale2) + EPSILON);
    }
  }

  /**
   * Returns the interchange intervention accuracy: the mean success of interchanges. By default,
   * the fraction after which the answer has a larger logit than the original one.
   */
  public double accuracy(List<Interchange> tested) {
    return mean(tested, each -> each.success);
  }

  /** Returns the mean objective of interchanges. */
  public double objective(List<Interchange> tested) {
    return mean(tested, each -> each.objective);
  }

  private double mean(List<Interchange> tested, Function<Interchange, Metric> metric) {
    double sum = 0;
    for (Interchange each : tested) {
      sum += metric.apply(each).of(lens, each.base, edits(each));
    }
    return sum / tested.size();
  }

  @Override
  public void close() {
    session.close();
  }
}
