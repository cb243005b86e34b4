package dev.vidrio.lens.circuit;

/**
 * The distributions of gates on edges or components that {@link LearnedMask} trains. A gate z
 * between 0 and 1 is drawn anew in each step from a parameter θ. How does a gradient reach θ,
 * although gates should be open or closed at last?
 */
public enum MaskGates {
  /**
   * Hard concrete (Louizos et al. 2018, arXiv 1712.01312): a stretched sigmoid that is cut at 0 and
   * 1,
   *
   * <pre>{@code
   * s = σ((log u − log(1 − u) + θ) / β),   z = min(1, max(0, s (ζ − γ) + γ)),   u ~ U(0, 1)
   * }</pre>
   *
   * <p>with β = 2/3, γ = −0.1, ζ = 1.1. The gradient follows the draw, {@code ∂z/∂θ}. The gate is
   * open with probability {@code P(z > 0) = σ(θ − β log(−γ/ζ))}.
   */
  HARD_CONCRETE {
    @Override
    double gate(double parameter, double u) {
      return Math.clamp(stretched(parameter, u), 0, 1);
    }

    @Override
    double slope(double parameter, double u) {
      double stretched = stretched(parameter, u);
      double s = (stretched - LOW) / (HIGH - LOW);
      return stretched > 0 && stretched < 1 ? (HIGH - LOW) * s * (1 - s) / BETA : 0;
    }

    @Override
    double open(double parameter) {
      return sigmoid(parameter + SHIFT);
    }

    @Override
    double start() {
      return 1;
    }
  },

  /**
   * Uniform gradient sampling, UGS (Li and Janson 2024, arXiv 2409.09951). The gate should be open
   * with probability p = σ(θ), and
   *
   * <pre>{@code
   * z ~ U(0, 1)   with probability w = p (1 − p)
   * z = 1         with probability p − w/2
   * z = 0         with probability 1 − p − w/2
   * }</pre>
   *
   * <p>Only uniform draws have a gradient: {@code ∂L/∂θ ≈ 1[z uniform] ∂L/∂z}. It is unbiased for a
   * gate that is 1 with probability p and 0 otherwise, since
   *
   * <pre>{@code
   * d/dθ (p L(1) + (1 − p) L(0)) = p (1 − p) (L(1) − L(0)) = w E[∂L/∂z | z ~ U(0, 1)]
   * }</pre>
   *
   * <p>Each text of a batch has gates of its own, since few draws of an edge are uniform. Here one
   * u ~ U(0, 1) draws the gate: {@code z = min(1, max(0, (u − 1 + p) / w + 1/2))}.
   */
  UNIFORM {
    @Override
    double gate(double parameter, double u) {
      return Math.clamp(position(parameter, u), 0, 1);
    }

    @Override
    double slope(double parameter, double u) {
      double position = position(parameter, u);
      return position > 0 && position < 1 ? 1 : 0;
    }

    @Override
    double open(double parameter) {
      return sigmoid(parameter);
    }

    @Override
    double start() {
      return 2.5;
    }

    @Override
    boolean perText() {
      return true;
    }
  };

  private static final double BETA = 2.0 / 3;
  private static final double LOW = -0.1;
  private static final double HIGH = 1.1;

  /** −β log(−γ/ζ). */
  private static final double SHIFT = -BETA * Math.log(-LOW / HIGH);

  /** Returns z for a drawn u. */
  abstract double gate(double parameter, double u);

  /** Returns the factor of ∂L/∂z in the estimate of ∂L/∂θ. */
  abstract double slope(double parameter, double u);

  /** Returns the probability p that the gate is open. Its derivative is p (1 − p). */
  abstract double open(double parameter);

  /** Returns the parameter before training, with which nearly all gates are open. */
  abstract double start();

  /** Returns whether each text of a batch has gates of its own, and not all share a draw. */
  boolean perText() {
    return false;
  }

  private static double stretched(double parameter, double u) {
    double s = sigmoid((Math.log(u) - Math.log(1 - u) + parameter) / BETA);
    return s * (HIGH - LOW) + LOW;
  }

  private static double position(double parameter, double u) {
    double p = sigmoid(parameter);
    return (u - 1 + p) / (p * (1 - p)) + 0.5;
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
