package dev.vidrio.lens.decode.probe;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.sampling.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Activations with class labels, the training data of probes.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="probe"}
 */
public final class Examples {
  private final float[][] rows;
  private final int[] labels;
  private final int[] types;
  private final int[] groups;
  private final int classes;

  /**
   * Wraps arrays, which must not be modified.
   *
   * @param rows [n][d]
   * @param labels [n], the class of each, from 0
   * @param types [n], the word of each, as a {@link ControlTask} distinguishes words: its token
   * @param classes number of classes
   * @throws InvalidInputException if there are none, or the lengths differ
   */
  public Examples(float[][] rows, int[] labels, int[] types, int classes) {
    this(rows, labels, types, IntStream.range(0, rows.length).toArray(), classes);
  }

  /**
   * Wraps arrays, which must not be modified.
   *
   * @param rows [n][d]
   * @param labels [n], the class of each, from 0
   * @param types [n], the word of each, as a {@link ControlTask} distinguishes words
   * @param groups [n], the text of each; {@link #split} does not divide texts
   * @param classes number of classes
   * @throws InvalidInputException if there are none, or the lengths differ
   */
  public Examples(float[][] rows, int[] labels, int[] types, int[] groups, int classes) {
    if (rows.length == 0
        || rows.length != labels.length
        || rows.length != types.length
        || rows.length != groups.length) {
      throw new InvalidInputException(
          "examples",
          rows.length + " rows, " + labels.length + " labels, " + types.length + " types",
          "must be positive and equal");
    }
    for (int i = 0; i < rows.length; i++) {
      if (rows[i].length != rows[0].length || rows[i].length == 0) {
        throw new InvalidInputException(
            "examples", "row " + i + " of " + rows[i].length, "must be of " + rows[0].length);
      }
      for (float value : rows[i]) {
        if (!Float.isFinite(value)) {
          throw new InvalidInputException("row " + i, Float.toString(value), "must be finite");
        }
      }
      Preconditions.requireRange("label of row " + i, labels[i], 0, classes - 1);
    }
    this.rows = rows;
    this.labels = labels;
    this.types = types;
    this.groups = groups;
    this.classes = classes;
  }

  /**
   * Reads the activations of texts at their last token, at several points.
   *
   * @param points patterns as in {@link Capture#hooks}; each point has one row per token
   * @param texts token ids of each
   * @param labels the class of each text
   * @throws InvalidInputException if a pattern selects no point, a point has other axes, or the
   *     model does not support a text
   */
  public static Map<HookPoint, Examples> ofLastTokens(
      Lens lens, String points, List<int[]> texts, int[] labels, int classes) {
    List<LabeledTokens> labeled = new ArrayList<>();
    for (int i = 0; i < labels.length; i++) {
      labeled.add(LabeledTokens.ofLast(lens.model(), texts.get(i), labels[i]));
    }
    return ofTokens(lens, points, labeled, classes);
  }

  /**
   * Reads the activations of the labeled tokens of texts, at several points.
   *
   * @param points patterns as in {@link Capture#hooks}; each point has one row per token
   * @param texts the texts, each a group of examples
   * @throws InvalidInputException if a pattern selects no point, a point has other axes, the model
   *     does not support a text, or no token is labeled
   */
  public static Map<HookPoint, Examples> ofTokens(
      Lens lens, String points, List<LabeledTokens> texts, int classes) {
    Map<HookPoint, List<float[]>> rows = new LinkedHashMap<>();
    for (HookPoint point : lens.points(points)) {
      Preconditions.requireRows(point);
      rows.put(point, new ArrayList<>());
    }
    List<Integer> groups = new ArrayList<>();
    for (int t = 0; t < texts.size(); t++) {
      LabeledTokens text = texts.get(t);
      Preconditions.requireTokens(lens.model(), text.tokens);
      if (text.positions.length == 0) {
        continue;
      }
      int from = Arrays.stream(text.positions).min().orElseThrow();
      int to = Arrays.stream(text.positions).max().orElseThrow() + 1;
      try (ActivationCache cache = lens.run(text.tokens, Capture.of(points).positions(from, to))) {
        for (int position : text.positions) {
          rows.forEach((point, list) -> list.add(cache.get(point).row(position - from)));
        }
      }
      groups.addAll(Collections.nCopies(text.positions.length, t));
    }
    int[] labels = texts.stream().flatMapToInt(text -> Arrays.stream(text.labels)).toArray();
    int[] types = texts.stream().flatMapToInt(text -> Arrays.stream(text.types)).toArray();
    int[] groupOf = groups.stream().mapToInt(Integer::intValue).toArray();
    Map<HookPoint, Examples> examples = new LinkedHashMap<>();
    rows.forEach(
        (point, list) ->
            examples.put(
                point,
                new Examples(list.toArray(float[][]::new), labels, types, groupOf, classes)));
    return examples;
  }

  /** Returns n, the number of examples. */
  public int size() {
    return rows.length;
  }

  /** Returns the number of classes. */
  public int classes() {
    return classes;
  }

  /** Returns the class of example i. */
  public int label(int i) {
    return labels[i];
  }

  /** Returns the word of example i. */
  int type(int i) {
    return types[i];
  }

  /** Returns the activation of example i, [d]. */
  float[] row(int i) {
    return rows[i];
  }

  /** Returns all activations, [n][d]. */
  float[][] rows() {
    return rows;
  }

  /** Returns the activations with other labels. */
  Examples withLabels(int[] newLabels) {
    return new Examples(rows, newLabels, types, groups, classes);
  }

  /** Returns the examples with other activations. */
  Examples withRows(float[][] newRows) {
    return new Examples(newRows, labels, types, groups, classes);
  }

  /** Returns the fraction of the most frequent class: the accuracy of a constant classifier. */
  public double majority() {
    var counts = new int[classes];
    for (int label : labels) {
      counts[label]++;
    }
    return Arrays.stream(counts).max().orElseThrow() / (double) size();
  }

  /**
   * Returns the mean of −log₂ p over the classes of other examples, in bits, where p are the
   * frequencies of classes among these, each counted once more than it occurs. A {@linkplain
   * Probe#crossEntropy probe}'s cross-entropy below it is the information about the classes that
   * probes of its kind can use (V-information, Xu et al. 2020, arXiv 2002.10689).
   */
  public double crossEntropyOfFrequencies(Examples others) {
    var counts = new int[classes];
    for (int label : labels) {
      counts[label]++;
    }
    double sum = 0;
    for (int label : others.labels) {
      sum -= Math.log((counts[label] + 1) / (double) (size() + classes));
    }
    return sum / others.size() / Math.log(2);
  }

  /**
   * Returns the difference in means (Marks and Tegmark 2024, arXiv 2310.06824): the mean activation
   * of a class minus that of all others, [d].
   *
   * @throws InvalidInputException if there is no example of the class, or none of another
   */
  public float[] differenceInMeans(int c) {
    var of = new RowMean();
    var others = new RowMean();
    int count = 0;
    for (int i = 0; i < rows.length; i++) {
      (labels[i] == c ? of : others).add(rows[i]);
      count += labels[i] == c ? 1 : 0;
    }
    String limit = count + " of " + rows.length + " examples are of it";
    Preconditions.require(count != 0 && count != rows.length, "class", c, limit);
    return Vectors.minus(of.mean(), others.mean());
  }

  /** Returns d. */
  public int width() {
    return rows[0].length;
  }

  /** Training and test examples: a random partition, determined by the seed. */
  public record Split(Examples train, Examples test) {}

  /**
   * Splits the examples by their texts.
   *
   * @param fraction of the texts for the test, above 0 and below 1
   */
  public Split split(double fraction, long seed) {
    Preconditions.require(
        fraction > 0 && fraction < 1, "test fraction", fraction, "must be above 0 and below 1");
    int[] texts = Arrays.stream(groups).distinct().toArray();
    int test = (int) Math.round(fraction * texts.length);
    String limit = "are too few to set " + fraction + " aside";
    Preconditions.require(test != 0 && test != texts.length, "texts", texts.length, limit);
    int[] order = permutation(texts.length, seed);
    return new Split(
        select(ofTexts(texts, Arrays.copyOfRange(order, test, texts.length))),
        select(ofTexts(texts, Arrays.copyOf(order, test))));
  }

  /** Returns the examples of selected texts. */
  private int[] ofTexts(int[] texts, int[] which) {
    Map<Integer, List<Integer>> examples = new HashMap<>();
    for (int i = 0; i < groups.length; i++) {
      examples.computeIfAbsent(groups[i], ignored -> new ArrayList<>()).add(i);
    }
    return Arrays.stream(which)
        .flatMap(
            t -> examples.getOrDefault(texts[t], List.of()).stream().mapToInt(Integer::intValue))
        .toArray();
  }

  /** Returns the text of each example, [n]. */
  public int[] groups() {
    return groups.clone();
  }

  /** Returns the examples in random order, determined by the seed. */
  public Examples shuffled(long seed) {
    return select(permutation(size(), seed));
  }

  /** Returns the examples [from, to). */
  Examples range(int from, int to) {
    return select(IntStream.range(from, to).toArray());
  }

  private static int[] permutation(int n, long seed) {
    var random = new SplitMix64(seed);
    int[] order = IntStream.range(0, n).toArray();
    for (int i = n - 1; i > 0; i--) {
      int j = (int) Long.remainderUnsigned(random.next(), i + 1L);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  private Examples select(int[] which) {
    return new Examples(
        Arrays.stream(which).mapToObj(i -> rows[i]).toArray(float[][]::new),
        Arrays.stream(which).map(i -> labels[i]).toArray(),
        Arrays.stream(which).map(i -> types[i]).toArray(),
        Arrays.stream(which).map(i -> groups[i]).toArray(),
        classes);
  }
}
