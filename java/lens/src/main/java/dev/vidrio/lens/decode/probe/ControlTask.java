package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.HashMap;
import java.util.Map;

/**
 * Shows how much of a probe's accuracy comes from the activations rather than from memorizing
 * (Hewitt and Liang 2019, arXiv 1909.03368). The same probe on the same activations learns a
 * control task, where each word has a random class, with the frequencies of the classes.
 * Selectivity is the accuracy on the task minus that on the control task.
 *
 * @param probe the probe of the task itself
 * @param train accuracy on the examples that the probe learned from
 * @param test accuracy on the held-out examples
 * @param majority the share of the most frequent class among the held-out examples
 * @param control accuracy of the control probe on the held-out examples
 */
public record ControlTask(
    LinearProbe probe, double train, double test, double majority, double control) {
  /** Accuracy less that of the control probe. */
  public double selectivity() {
    return test - control;
  }

  /**
   * Fits both probes.
   *
   * @param split what to learn from, and what to test with
   * @param seed of the classes of words
   */
  public static ControlTask of(
      Executor executor, Examples.Split split, LinearProbe.Kind kind, double l2, long seed) {
    LinearProbe probe = LinearProbe.fit(kind, executor, split.train(), l2);
    Map<Integer, Integer> classes = new HashMap<>();
    var random = new SplitMix64(seed);
    Examples train = control(split.train(), split.train(), classes, random);
    Examples test = control(split.test(), split.train(), classes, random);
    return new ControlTask(
        probe,
        probe.accuracy(split.train()),
        probe.accuracy(split.test()),
        split.test().majority(),
        LinearProbe.fit(kind, executor, train, l2).accuracy(test));
  }

  /** The same activations, each of the class that its word has by chance. */
  private static Examples control(
      Examples examples, Examples drawnFrom, Map<Integer, Integer> classes, SplitMix64 random) {
    var labels = new int[examples.size()];
    for (int i = 0; i < labels.length; i++) {
      labels[i] =
          classes.computeIfAbsent(
              examples.type(i),
              ignored -> drawnFrom.label((int) (random.nextDouble() * drawnFrom.size())));
    }
    return examples.withLabels(labels);
  }
}
