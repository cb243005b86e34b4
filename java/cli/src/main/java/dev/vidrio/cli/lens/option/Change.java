package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.JsonObject;

/**
 * The metric of the next token without and with a change of activations.
 *
 * @param measured the text and the metric
 */
public record Change(Measured measured, double before, double after) {
  /** Prints a line. */
  public void print() {
    System.out.printf("%s: before %.3f, after %.3f%n", measured.name(), before, after);
  }

  /** Adds the metric, its tokens and its values to a JSON object. */
  public void fill(JsonObject object) {
    measured.fill(object);
    object.put("metric_before", before);
    object.put("metric_after", after);
  }
}
