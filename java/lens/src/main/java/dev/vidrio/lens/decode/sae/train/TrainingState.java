package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.lens.numeric.Adam;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * All that the steps of a training change, by name, so that it can be saved and restored: weights,
 * moments of Adam, counts, the number of steps and the mean threshold of BatchTopK. Not
 * thread-safe.
 */
public final class TrainingState {
  /** Weight of a step's threshold in the mean threshold. */
  private static final double NEW = 0.01;

  private final Map<String, float[][]> matrices = new LinkedHashMap<>();
  private final Map<String, int[]> counts = new LinkedHashMap<>();
  private int steps;
  private double threshold;

  /** Adds a matrix that is trained, which is not copied, and its moments. */
  public void add(String name, float[][] weights, Adam adam) {
    add(name, weights);
    add(name + ".first_moment", adam.first());
    add(name + ".second_moment", adam.second());
  }

  /** Adds a matrix, which is not copied. */
  public void add(String name, float[][] matrix) {
    matrices.put(name, matrix);
  }

  /** Adds numbers of steps, which are not copied. */
  void add(String name, int[] stepCounts) {
    counts.put(name, stepCounts);
  }

  Map<String, float[][]> matrices() {
    return matrices;
  }

  Map<String, int[]> counts() {
    return counts;
  }

  void restore(int newSteps, double newThreshold) {
    steps = newSteps;
    threshold = newThreshold;
  }

  /** Returns the number of steps so far. */
  public int steps() {
    return steps;
  }

  /** Begins a step and returns its number, from 1. */
  public int beginStep() {
    return ++steps;
  }

  /** Returns the mean of the thresholds of steps. */
  public double threshold() {
    return threshold;
  }

  /** Adds the threshold of this step to their exponential mean. */
  public void addThreshold(double ofStep) {
    threshold = steps == 1 ? ofStep : (1 - NEW) * threshold + NEW * ofStep;
  }
}
