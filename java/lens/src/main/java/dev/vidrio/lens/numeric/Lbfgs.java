package dev.vidrio.lens.numeric;

import static dev.vidrio.lens.vector.DoubleVectors.dot;
import static dev.vidrio.lens.vector.DoubleVectors.norm;
import static dev.vidrio.lens.vector.DoubleVectors.plus;
import static dev.vidrio.lens.vector.DoubleVectors.scale;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * Minimizes a smooth function by L-BFGS (Liu and Nocedal 1989, doi:10.1007/BF01589116): the
 * two-loop recursion over the last steps, and a line search by bisection for the weak Wolfe
 * conditions.
 */
public final class Lbfgs {
  private static final int MEMORY = 10;
  private static final int STEPS = 1000;
  private static final int TRIES = 40;

  /** Convergence threshold of the gradient's norm, relative to that of the start. */
  private static final double TOLERANCE = 1e-6;

  private static final double DECREASE = 1e-4;
  private static final double CURVATURE = 0.9;

  /** Relative rounding error of the value, if its products are f32. */
  private static final double ROUNDING = 1e-6;

  private final Objective objective;
  private final Deque<Pair> pairs = new ArrayDeque<>();
  private double[] x;
  private double[] gradient;
  private double value;

  /** A function and its gradient. */
  @FunctionalInterface
  public interface Objective {
    /** Returns the value at x, and writes the gradient. */
    double at(double[] x, double[] gradient);
  }

  /** The difference of two iterates, and of their gradients. */
  private static final class Pair {
    final double[] step;
    final double[] change;
    final double product;

    Pair(double[] step, double[] change, double product) {
      this.step = step;
      this.change = change;
      this.product = product;
    }
  }

  private Lbfgs(Objective objective, double[] start) {
    this.objective = objective;
    this.x = start.clone();
    this.gradient = new double[start.length];
    this.value = objective.at(x, gradient);
  }

  /** Returns the minimum that is reached from a start. */
  public static double[] minimize(Objective objective, double[] start) {
    return minimize(objective, start, STEPS);
  }

  /** Returns the point that is reached from a start in at most this number of steps. */
  public static double[] minimize(Objective objective, double[] start, int steps) {
    var search = new Lbfgs(objective, start);
    double enough = TOLERANCE * norm(search.gradient);
    for (int i = 0; i < steps; i++) {
      if (norm(search.gradient) <= enough || !search.step()) {
        break;
      }
    }
    return search.x;
  }

  /** Runs one step; returns false if none descends because of rounding. */
  private boolean step() {
    double[] direction = direction();
    double slope = dot(direction, gradient);
    double low = 0;
    double high = Double.POSITIVE_INFINITY;
    double length = pairs.isEmpty() ? 1 / Math.max(1, Math.sqrt(-slope)) : 1;
    for (int i = 0; i < TRIES; i++) {
      double[] next = plus(x, length, direction);
      var nextGradient = new double[next.length];
      double nextValue = objective.at(next, nextGradient);
      double nextSlope = dot(direction, nextGradient);
      if (!falls(nextValue, length, slope, nextSlope)) {
        high = length;
      } else if (nextSlope < CURVATURE * slope) {
        low = length;
      } else {
        accept(next, nextGradient, nextValue);
        return true;
      }
      length = Double.isInfinite(high) ? 2 * length : (low + high) / 2;
    }
    return false;
  }

  /**
   * Returns whether a step descends sufficiently; if values differ by rounding only, slopes decide
   * (Hager and Zhang 2005, doi:10.1137/030601880).
   */
  private boolean falls(double nextValue, double length, double slope, double nextSlope) {
    boolean even = nextValue <= value + ROUNDING * Math.abs(value);
    return nextValue <= value + DECREASE * length * slope
        || (even && nextSlope <= (2 * DECREASE - 1) * slope);
  }

  private void accept(double[] next, double[] nextGradient, double nextValue) {
    double[] step = plus(next, -1, x);
    double[] change = plus(nextGradient, -1, gradient);
    double product = dot(step, change);
    if (product > 0) {
      pairs.addLast(new Pair(step, change, product));
      if (pairs.size() > MEMORY) {
        pairs.removeFirst();
      }
    }
    x = next;
    gradient = nextGradient;
    value = nextValue;
  }

  /** Returns minus the product of the approximate inverse Hessian and the gradient. */
  private double[] direction() {
    double[] q = plus(new double[x.length], -1, gradient);
    var factors = new double[pairs.size()];
    int i = 0;
    for (Iterator<Pair> newest = pairs.descendingIterator(); newest.hasNext(); i++) {
      Pair pair = newest.next();
      factors[i] = dot(pair.step, q) / pair.product;
      q = plus(q, -factors[i], pair.change);
    }
    if (!pairs.isEmpty()) {
      Pair last = pairs.getLast();
      scale(q, last.product / dot(last.change, last.change));
    }
    for (Pair pair : pairs) {
      i--;
      q = plus(q, factors[i] - dot(pair.change, q) / pair.product, pair.step);
    }
    return q;
  }
}
