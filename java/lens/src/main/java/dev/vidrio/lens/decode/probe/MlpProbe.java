package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.lens.numeric.Lbfgs;
import dev.vidrio.lens.numeric.MatrixProduct;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.Arrays;

/**
 * A probe with one hidden layer: {@code scores = W₂ relu(W₁ x̂ + b₁) + b₂}, where x̂ is the
 * activation with each element standardized by the mean and standard deviation of the examples. It
 * reads what is encoded nonlinearly, and memorizes more than a {@link LinearProbe}: compare with a
 * {@link ControlTask}.
 *
 * <p>Minimizes {@code −Σᵢ log p(yᵢ | xᵢ) + l2/2 (‖W₁‖² + ‖W₂‖²)} by L-BFGS from random weights
 * (Glorot and Bengio 2010), as scikit-learn's MLPClassifier with {@code solver="lbfgs"}.
 *
 * @see "docs/lens/probing.md"
 */
public final class MlpProbe implements Probe {
  /** Maximum number of steps; scikit-learn's default. */
  private static final int STEPS = 200;

  private final double[] mean;
  private final double[] factors;
  private final Shape shape;
  private final double[] parameters;

  /** The sizes, and the layout of the parameters: W₁ [h][d], b₁ [h], W₂ [C][h], b₂ [C]. */
  record Shape(int d, int hidden, int classes) {
    int hiddenBias() {
      return hidden * d;
    }

    int output() {
      return hiddenBias() + hidden;
    }

    int outputBias() {
      return output() + classes * hidden;
    }

    int size() {
      return outputBias() + classes;
    }

    /** Returns whether a parameter is a weight, which the penalty includes, not a bias. */
    boolean isWeight(int i) {
      return i < hiddenBias() || (i >= output() && i < outputBias());
    }
  }

  private MlpProbe(double[] mean, double[] factors, Shape shape, double[] parameters) {
    this.mean = mean;
    this.factors = factors;
    this.shape = shape;
    this.parameters = parameters;
  }

  /**
   * Fits a probe.
   *
   * @param hidden number of hidden units
   * @param l2 penalty of the squared weights of standardized activations, above 0
   * @param seed of the initial weights
   */
  public static MlpProbe fit(
      Executor executor, Examples examples, int hidden, double l2, long seed) {
    LinearProbe.requirePenalty(l2);
    Preconditions.requirePositive("hidden units", hidden);
    var shape = new Shape(examples.width(), hidden, examples.classes());
    CenteredRows centered = CenteredRows.of(examples.rows());
    double[] factors =
        Arrays.stream(centered.squares())
            .map(squares -> squares == 0 ? 0 : Math.sqrt(examples.size() / squares))
            .toArray();
    Examples standardized = examples.withRows(centered.scaled(factors).rows());
    try (var objective = new Objective(executor, standardized, shape, l2)) {
      double[] found = Lbfgs.minimize(objective, initial(shape, seed), STEPS);
      return new MlpProbe(centered.mean(), factors, shape, found);
    }
  }

  private static double[] initial(Shape shape, long seed) {
    var random = new SplitMix64(seed);
    double in = Math.sqrt(6.0 / (shape.d + shape.hidden));
    double out = Math.sqrt(6.0 / (shape.hidden + shape.classes));
    var parameters = new double[shape.size()];
    Arrays.setAll(parameters, i -> (i < shape.output() ? in : out) * (2 * random.nextDouble() - 1));
    return parameters;
  }

  /** The loss of parameters on standardized examples. */
  static final class Objective implements Lbfgs.Objective, AutoCloseable {
    private final Examples examples;
    private final Shape shape;
    private final double l2;
    private final MatrixProduct products;
    private final MatrixProduct gradients;
    private final float[][] weights;

    Objective(Executor executor, Examples examples, Shape shape, double l2) {
      this.examples = examples;
      this.shape = shape;
      this.l2 = l2;
      this.weights = new float[shape.hidden][shape.d];
      this.products = MatrixProduct.of(executor, examples.rows(), shape.hidden);
      try {
        this.gradients =
            MatrixProduct.of(executor, MatrixProduct.transposed(examples.rows()), shape.hidden);
      } catch (Throwable e) {
        products.close();
        throw e;
      }
    }

    @Override
    public double at(double[] parameters, double[] gradient) {
      int n = examples.size();
      for (int h = 0; h < shape.hidden; h++) {
        for (int j = 0; j < shape.d; j++) {
          weights[h][j] = (float) parameters[h * shape.d + j];
        }
      }
      float[][] hidden = products.of(weights);
      for (int h = 0; h < shape.hidden; h++) {
        for (int i = 0; i < n; i++) {
          hidden[h][i] = (float) Math.max(0, hidden[h][i] + parameters[shape.hiddenBias() + h]);
        }
      }
      double[][] residuals = scores(parameters, hidden);
      double loss = residuals(residuals);
      backward(parameters, gradient, hidden, residuals);
      for (int i = 0; i < parameters.length; i++) {
        if (shape.isWeight(i)) {
          loss += l2 / 2 * parameters[i] * parameters[i];
          gradient[i] += l2 * parameters[i];
        }
      }
      return loss;
    }

    /** Returns the scores, [C][n]. */
    private double[][] scores(double[] parameters, float[][] hidden) {
      var scores = new double[shape.classes][examples.size()];
      for (int c = 0; c < shape.classes; c++) {
        Arrays.fill(scores[c], parameters[shape.outputBias() + c]);
        for (int h = 0; h < shape.hidden; h++) {
          double w = parameters[shape.output() + c * shape.hidden + h];
          for (int i = 0; i < examples.size(); i++) {
            scores[c][i] += w * hidden[h][i];
          }
        }
      }
      return scores;
    }

    /** Replaces scores by p − y, and returns −Σ log p. */
    private double residuals(double[][] scores) {
      double loss = 0;
      for (int i = 0; i < examples.size(); i++) {
        double greatest = Double.NEGATIVE_INFINITY;
        for (double[] row : scores) {
          greatest = Math.max(greatest, row[i]);
        }
        double sum = 0;
        for (double[] row : scores) {
          sum += Math.exp(row[i] - greatest);
        }
        double logSum = greatest + Math.log(sum);
        loss += logSum - scores[examples.label(i)][i];
        for (int c = 0; c < shape.classes; c++) {
          scores[c][i] = Math.exp(scores[c][i] - logSum) - (c == examples.label(i) ? 1 : 0);
        }
      }
      return loss;
    }

    private void backward(
        double[] parameters, double[] gradient, float[][] hidden, double[][] residuals) {
      int n = examples.size();
      var back = new float[shape.hidden][n];
      for (int h = 0; h < shape.hidden; h++) {
        var sums = new double[n];
        for (int c = 0; c < shape.classes; c++) {
          int at = shape.output() + c * shape.hidden + h;
          double own = 0;
          for (int i = 0; i < n; i++) {
            own += residuals[c][i] * hidden[h][i];
            sums[i] += parameters[at] * residuals[c][i];
          }
          gradient[at] = own;
        }
        double bias = 0;
        for (int i = 0; i < n; i++) {
          back[h][i] = hidden[h][i] > 0 ? (float) sums[i] : 0;
          bias += back[h][i];
        }
        gradient[shape.hiddenBias() + h] = bias;
      }
      for (int c = 0; c < shape.classes; c++) {
        gradient[shape.outputBias() + c] = Arrays.stream(residuals[c]).sum();
      }
      float[][] input = gradients.of(back);
      for (int h = 0; h < shape.hidden; h++) {
        for (int j = 0; j < shape.d; j++) {
          gradient[h * shape.d + j] = input[h][j];
        }
      }
    }

    @Override
    public void close() {
      products.close();
      gradients.close();
    }
  }

  @Override
  public int classes() {
    return shape.classes;
  }

  @Override
  public double[] scores(float[] x) {
    double[] scores =
        Arrays.copyOfRange(parameters, shape.outputBias(), shape.outputBias() + shape.classes);
    for (int h = 0; h < shape.hidden; h++) {
      double unit = parameters[shape.hiddenBias() + h];
      for (int j = 0; j < shape.d; j++) {
        unit += parameters[h * shape.d + j] * (x[j] - mean[j]) * factors[j];
      }
      for (int c = 0; c < shape.classes && unit > 0; c++) {
        scores[c] += parameters[shape.output() + c * shape.hidden + h] * unit;
      }
    }
    return scores;
  }
}
