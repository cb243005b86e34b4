package dev.vidrio.lens.decode.probe;

import dev.vidrio.kernel.Executor;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.HashMap;
import java.util.Map;

/**
 * How much of a probe's accuracy comes from the activations rather than from memorization (Hewitt
 * and Liang 2019, arXiv 1909.03368)? The same probe is trained on a control task, where each word
 * has a random class, with the frequencies of the classes. Selectivity is the accuracy on the task
 * minus that on the control task.
 *
 * @param probe the probe of the task
 * @param train accuracy on the training examples
 * @param test accuracy on the held-out examples
 * @param majority the fraction of the most frequent class among the held-out examples
 * @param control accuracy of the control probe on the held-out examples
 * @see Probe
 * @see "docs/lens/decoding.md"
 */
public record ControlTask(Probe probe, double train, double test, double majority, double control) {
  /** Returns the accuracy minus that of the control probe. */
  public double selectivity() {
    return test - control;
  }

  /**
   * Fits both probes.
   *
   * @param split training and test examples
   * @param seed of the classes of words
   */
  public static ControlTask of(
      Executor executor, Examples.Split split, LinearProbe.Kind kind, double l2, long seed) {
    return of(split, examples -> LinearProbe.fit(kind, executor, examples, l2), seed);
  }

  /**
   * Fits both probes, of any kind.
   *
   * @param split training and test examples
   * @param seed of the classes of words
   */
  public static ControlTask of(Examples.Split split, Probe.Trainer trainer, long seed) {
    Probe probe = trainer.fit(split.train());
    Map<Integer, Integer> classes = new HashMap<>();
    var random = new SplitMix64(seed);
    Examples train = control(split.train(), split.train(), classes, random);
    Examples test = control(split.test(), split.train(), classes, random);
    return new ControlTask(
        probe,
        probe.accuracy(split.train()),
        probe.accuracy(split.test()),
        split.test().majority(),
        trainer.fit(train).accuracy(test));
  }

  /** Returns the activations with the random class of their word. */
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
