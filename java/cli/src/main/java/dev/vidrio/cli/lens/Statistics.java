package dev.vidrio.cli.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.hook.Activation;
import java.util.List;

/**
 * Statistics of the finite values of an activation or its gradient.
 *
 * @param shape of the activation
 * @param mean of the values
 * @param rms root of the mean square
 * @param max maximum magnitude
 */
record Statistics(List<Integer> shape, double mean, double rms, double max) {
  static Statistics of(Activation activation) {
    double sum = 0;
    double squares = 0;
    double max = 0;
    long count = 0;
    for (long i = 0; i < activation.elements(); i++) {
      float value = activation.data().getAtIndex(JAVA_FLOAT, i);
      if (Float.isFinite(value)) {
        sum += value;
        squares += (double) value * value;
        max = Math.max(max, Math.abs(value));
        count++;
      }
    }
    long counted = Math.max(1, count);
    return new Statistics(activation.shape(), sum / counted, Math.sqrt(squares / counted), max);
  }

  /**
   * Prints the head of a table.
   *
   * @param width of the column of names
   * @param symbol of a value
   */
  static void printHead(int width, String symbol) {
    System.out.printf(
        "%-" + width + "s %-14s %10s %10s %10s%n",
        "hook",
        "shape",
        "mean",
        "rms",
        "max |" + symbol + "|");
  }

  /** Prints a row of the table. */
  void print(int width, String name) {
    System.out.printf("%-" + width + "s %-14s %10.4f %10.4f %10.4f%n", name, shape, mean, rms, max);
  }

  /** Returns the statistics as JSON. */
  JsonObject toJson() {
    return new JsonObject()
        .with("shape", shape)
        .with("mean", mean)
        .with("rms", rms)
        .with("max_abs", max);
  }
}
