package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.lens.resolve.Preconditions;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The steps of a training.
 *
 * @param learningRate of Adam; it falls linearly to 0 in the last fifth of the steps
 * @param batch tokens per step
 * @param steps of training
 * @param deadAfter number of steps without activity after which a feature counts as dead
 * @param buffer MiB of activations that are in memory and shuffled at once
 * @param seed of the initial weights and of the order of tokens
 */
public record Schedule(
    double learningRate, int batch, int steps, int deadAfter, int buffer, long seed) {
  public Schedule {
    Preconditions.requireRange("batch", batch, 1, 1 << 16);
    Preconditions.requireRange("steps", steps, 1, 1 << 24);
    Preconditions.requireRange("dead after", deadAfter, 1, 1 << 24);
    Preconditions.requireRange("buffer", buffer, 1, 1 << 20);
    boolean learns = learningRate > 0 && !Double.isInfinite(learningRate);
    Preconditions.require(learns, "learning rate", learningRate, "must be above 0 and finite");
  }

  /** Returns the learning rate of a step, from 1; 0 after the last. */
  public double rate(int step) {
    int decay = Math.max(1, steps / 5);
    return learningRate * Math.clamp((steps - step + 1) / (double) decay, 0, 1);
  }

  /** Returns whether the learning rate of a step is less than that of the first. */
  public boolean isFalling(int step) {
    return rate(step) < learningRate;
  }

  /** Returns the number of rows of a width that fit into the buffer. */
  long capacity(int columns) {
    return ((long) buffer << 20) / ((long) Float.BYTES * columns);
  }

  /** Returns the components by the names of errors. */
  Map<String, String> settings() {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("learning rate", Double.toString(learningRate));
    settings.put("batch", Integer.toString(batch));
    settings.put("steps", Integer.toString(steps));
    settings.put("dead after", Integer.toString(deadAfter));
    settings.put("buffer", Integer.toString(buffer));
    settings.put("seed", Long.toString(seed));
    return settings;
  }
}
