package dev.vidrio.lens.intervene;

import static dev.vidrio.lens.vector.DoubleVectors.add;
import static dev.vidrio.lens.vector.DoubleVectors.dot;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.DoubleVectors;
import java.util.List;

/**
 * Boundless distributed alignment search (Wu et al. 2023, arXiv 2305.08809): learns how many
 * dimensions of an activation represent a variable, together with the subspace. Of the orthonormal
 * rows R, those before a boundary b are interchanged; while the search runs the boundary is soft,
 *
 * <pre>h' = h + Σ_j m_j ⟨r_j, h_source − h⟩ r_j,   m_j = σ((b − j − ½) / τ),   j = 0 … k − 1</pre>
 *
 * and the temperature τ falls linearly from k/10 to 0.1 dimensions. R and b maximize the mean
 * objective of the interchanges, minus a penalty times b / k. The result is the first {@link #rank}
 * rows, b rounded, as for {@link DistributedAlignmentSearch}.
 *
 * <p>Not thread-safe. Memory: three times k · d numbers of 8 bytes.
 *
 * @see "docs/lens/interventions.md"
 */
public final class BoundlessAlignmentSearch implements AutoCloseable {
  /** The penalty of Wu et al. */
  public static final double PENALTY = 1;

  /** The first temperature in portions of k, and the last one in dimensions. */
  private static final double WARM = 0.1;

  private static final double COLD = 0.1;

  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.99;

  /** The portion below which a row is not interchanged. */
  private static final double NOTHING = 1e-9;

  private final Options options;
  private final OrthonormalRows rows;
  private final InterchangeGradients gradients;
  private double boundary;
  private double first;
  private double second;
  private int steps;

  /**
   * The options of a search.
   *
   * @param most k, the maximum number of rows; 0 for as many as the activation has elements
   * @param steps number of steps, at least 1: the temperature and the rates depend on it
   * @param rate the first learning rate of R, approximately in radians; rates fall linearly to 0
   * @param penalty what interchanging all rows costs, in units of the objective
   * @param seed of the initial rows
   */
  public record Options(int most, int steps, double rate, double penalty, long seed) {
    /**
     * Checks the options.
     *
     * @throws dev.vidrio.error.InvalidInputException if one is out of range
     */
    public Options {
      Preconditions.require(most >= 0, "directions", most, "must be 0 or more");
      Preconditions.require(steps >= 1, "steps", steps, "must be 1 or more");
      Preconditions.require(
          rate > 0 && rate < 1, "learning rate", rate, "must be above 0 and below 1");
      Preconditions.require(
          penalty >= 0 && Double.isFinite(penalty), "penalty", penalty, "must be 0 or more");
    }
  }

  /**
   * The state of a step.
   *
   * @param objective mean objective of the interchanges
   * @param boundary b, in dimensions
   * @param temperature τ, in dimensions
   */
  public record Step(double objective, double boundary, double temperature) {}

  /**
   * Starts a search from random rows and the boundary k/2.
   *
   * @param point the activation, with one row per token
   * @param interchanges training data
   * @throws dev.vidrio.error.InvalidInputException if there are no interchanges, the point has no
   *     gradient or no row per token, or there are more directions than elements
   */
  public BoundlessAlignmentSearch(
      Lens lens, HookPoint point, List<Interchange> interchanges, Options options) {
    this.options = options;
    this.gradients = new InterchangeGradients(lens, point, interchanges);
    try {
      int d = gradients.width();
      Preconditions.requireRange("directions", options.most, 0, d);
      int k = options.most == 0 ? d : options.most;
      this.rows = OrthonormalRows.random(k, d, options.seed);
      this.boundary = k / 2.0;
    } catch (Throwable e) {
      gradients.close();
      throw e;
    }
  }

  /** Returns the number of dimensions before the boundary. */
  public int rank() {
    return (int) Math.round(boundary);
  }

  /**
   * Returns the rows before the boundary, one after the other, as for {@link Intervention#swap}.
   */
  public float[] basis() {
    return rows.basis(rank());
  }

  /** Returns the interventions of an interchange along the rows before the boundary. */
  public List<Intervention> edits(Interchange each) {
    return gradients.swap(each, basis());
  }

  /** Returns the mean success of interchanges along the rows before the boundary. */
  public double accuracy(List<Interchange> tested) {
    return gradients.accuracy(tested, basis());
  }

  /** Returns the mean objective of interchanges along the rows before the boundary. */
  public double objective(List<Interchange> tested) {
    return gradients.objective(tested, basis());
  }

  /** Returns the interchange with a soft boundary, {@code h + Σ_j m_j ⟨r_j, δ⟩ r_j}, [d]. */
  static float[] interchanged(
      float[] base, float[] difference, double[][] rows, double[] portions) {
    double[] changed = DoubleVectors.doubles(base);
    double[] delta = DoubleVectors.doubles(difference);
    for (int j = 0; j < rows.length; j++) {
      if (portions[j] > NOTHING) {
        add(changed, portions[j] * dot(rows[j], delta), rows[j]);
      }
    }
    return DoubleVectors.floats(changed);
  }

  /** Returns m, the portions of rows that are interchanged, [k]. */
  static double[] portions(int k, double boundary, double temperature) {
    var portions = new double[k];
    for (int j = 0; j < k; j++) {
      portions[j] = 1 / (1 + Math.exp((j + 0.5 - boundary) / temperature));
    }
    return portions;
  }

  /**
   * Adds the derivative of {@code ⟨g, h'⟩} with respect to the rows: {@code m_j (⟨r_j, δ⟩ g + ⟨g,
   * r_j⟩ δ)}.
   *
   * @return the derivative with respect to b: {@code Σ_j m_j (1 − m_j) / τ ⟨r_j, δ⟩ ⟨g, r_j⟩}
   */
  static double addGradient(
      double[][] sums,
      double[][] rows,
      double[] portions,
      double temperature,
      double[] g,
      double[] delta) {
    double ofBoundary = 0;
    for (int j = 0; j < rows.length; j++) {
      double m = portions[j];
      if (m > NOTHING) {
        double along = dot(rows[j], delta);
        double back = dot(rows[j], g);
        add(sums[j], m * along, g);
        add(sums[j], m * back, delta);
        ofBoundary += m * (1 - m) / temperature * along * back;
      }
    }
    return ofBoundary;
  }

  /**
   * Runs one step of Adam on all interchanges.
   *
   * @return the state before the step, which the soft boundary of its temperature gave
   * @throws IllegalStateException after the last step
   */
  public Step step() {
    if (steps == options.steps) {
      throw new IllegalStateException("all " + steps + " steps are done");
    }
    int k = rows.count();
    double done = steps / (double) Math.max(1, options.steps - 1);
    double temperature = Math.max(COLD, WARM * k * (1 - done) + COLD * done);
    double[] portions = portions(k, boundary, temperature);
    double[][] directions = rows.all();
    var gradient = new double[k][gradients.width()];
    double ofBoundary = 0;
    double sum = 0;
    for (int i = 0; i < gradients.size(); i++) {
      float[] delta = gradients.difference(i);
      sum += gradients.set(i, interchanged(gradients.base(i), delta, directions, portions));
      double[] g = DoubleVectors.doubles(gradients.gradient(i));
      ofBoundary +=
          addGradient(gradient, directions, portions, temperature, g, DoubleVectors.doubles(delta));
    }
    var state = new Step(sum / gradients.size(), boundary, temperature);
    double left = 1 - steps / (double) options.steps;
    steps++;
    rows.ascend(gradient, options.rate * left);
    move(ofBoundary / gradients.size() - options.penalty / k, left);
    return state;
  }

  /** Moves the boundary, at first by so much that all steps together may cross all rows. */
  private void move(double gradient, double left) {
    first = BETA1 * first + (1 - BETA1) * gradient;
    second = BETA2 * second + (1 - BETA2) * gradient * gradient;
    double mean = first / (1 - Math.pow(BETA1, steps));
    double size = Math.sqrt(second / (1 - Math.pow(BETA2, steps)));
    double rate = 2.0 * rows.count() / options.steps * left;
    boundary += size > 0 ? rate * mean / size : 0;
    boundary = Math.clamp(boundary, 0, rows.count());
  }

  @Override
  public void close() {
    gradients.close();
  }
}
