package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;

/** A vector of parameters in training by Adam, with the gradient of a step. Not thread-safe. */
public final class TrainedVector {
  private final String name;
  private final float[][] values;
  private final float initial;
  private final float least;
  private final Adam adam;
  private float[] gradient;

  /**
   * Wraps parameters.
   *
   * @param name in a state
   * @param initial value of all
   * @param least the minimum of values after a step
   */
  private TrainedVector(String name, int size, float initial, float least) {
    this.name = name;
    this.values = new float[1][size];
    Arrays.fill(values[0], initial);
    this.initial = initial;
    this.least = least;
    this.adam = new Adam(this.values);
    this.gradient = new float[size];
  }

  /** Returns a vector of zeros. */
  public static TrainedVector zeros(String name, int size) {
    return new TrainedVector(name, size, 0, Float.NEGATIVE_INFINITY);
  }

  /** Returns a vector of equal values that steps keep at 0 or more. */
  public static TrainedVector notNegative(String name, int size, double value) {
    return new TrainedVector(name, size, (float) value, 0);
  }

  /** Returns the name. */
  public String name() {
    return name;
  }

  /** Returns the values, which are not copied. */
  public float[] values() {
    return values[0];
  }

  /** Adds all that steps change to a state. */
  public void addTo(TrainingState state) {
    state.add(name, values, adam);
  }

  /** Sets the gradient of this step, which is not copied. */
  public void gradient(float[] ofStep) {
    gradient = ofStep;
  }

  /** Returns the gradient, which is not copied. */
  public float[] gradient() {
    return gradient;
  }

  /** Sets a value to the initial one, and its moments to zero. */
  public void restart(int i) {
    values[0][i] = initial;
    adam.reset(0, i);
  }

  /** Returns the sum of the squares of the gradient. */
  public double squares() {
    return Vectors.dot(gradient, gradient);
  }

  /**
   * Runs a step of Adam.
   *
   * @param step its number, from 1
   * @param factor of the gradient
   */
  public void descend(int step, double rate, float factor) {
    Vectors.scale(gradient, factor);
    adam.step(step, rate, 0, values[0], gradient);
    for (int i = 0; i < values[0].length; i++) {
      values[0][i] = Math.max(least, values[0][i]);
    }
  }
}
