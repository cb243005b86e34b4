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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Activations and their classes, from which a probe learns. */
public final class Examples {
  private final float[][] rows;
  private final int[] labels;
  private final int[] types;
  private final int classes;

  /**
   * Keeps the arrays, which must not change.
   *
   * @param rows [n][d]
   * @param labels [n], the class of each, from 0
   * @param types [n], the word of each, as a {@link ControlTask} counts words: its token
   * @param classes number of classes
   * @throws InvalidInputException when there are none, or they do not fit together
   */
  public Examples(float[][] rows, int[] labels, int[] types, int classes) {
    if (rows.length == 0 || rows.length != labels.length || rows.length != types.length) {
      throw new InvalidInputException(
          "examples",
          rows.length + " rows, " + labels.length + " labels, " + types.length + " types",
          "there must be some, and as many of each");
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
      if (labels[i] < 0 || labels[i] >= classes) {
        throw new InvalidInputException(
            "label of row " + i, Integer.toString(labels[i]), "must be 0 to " + (classes - 1));
      }
    }
    this.rows = rows;
    this.labels = labels;
    this.types = types;
    this.classes = classes;
  }

  /**
   * The activations of texts at their last token, at several points at once.
   *
   * @param points names of the points, as in {@link Capture#hooks}; each has one row per token
   * @param texts token ids of each
   * @param labels the class of each text
   * @throws InvalidInputException when a name means no point, a point has other axes, or the model
   *     cannot take a text
   */
  public static Map<HookPoint, Examples> ofLastTokens(
      Lens lens, String points, List<int[]> texts, int[] labels, int classes) {
    Map<HookPoint, List<float[]>> rows = new LinkedHashMap<>();
    for (HookPoint point : lens.points(points)) {
      Preconditions.requireRows(point);
      rows.put(point, new ArrayList<>());
    }
    for (int[] tokens : texts) {
      Preconditions.requireTokens(lens.model(), tokens);
      Capture last = Capture.of(points).positions(tokens.length - 1, tokens.length);
      try (ActivationCache cache = lens.run(tokens, last)) {
        rows.forEach((point, list) -> list.add(cache.get(point).row(0)));
      }
    }
    int[] types = texts.stream().mapToInt(tokens -> tokens[tokens.length - 1]).toArray();
    Map<HookPoint, Examples> examples = new LinkedHashMap<>();
    rows.forEach(
        (point, list) ->
            examples.put(
                point, new Examples(list.toArray(float[][]::new), labels, types, classes)));
    return examples;
  }

  /** n. */
  public int size() {
    return rows.length;
  }

  /** Number of classes. */
  public int classes() {
    return classes;
  }

  /** The class of example i. */
  public int label(int i) {
    return labels[i];
  }

  /** The word of example i. */
  int type(int i) {
    return types[i];
  }

  /** The activation of example i, [d]. */
  float[] row(int i) {
    return rows[i];
  }

  /** All activations, [n][d]. */
  float[][] rows() {
    return rows;
  }

  /** The same activations with other labels. */
  Examples withLabels(int[] newLabels) {
    return new Examples(rows, newLabels, types, classes);
  }

  /** The same examples with other activations. */
  Examples withRows(float[][] newRows) {
    return new Examples(newRows, labels, types, classes);
  }

  /** The share of the most frequent class: what knows nothing reaches. */
  public double majority() {
    var counts = new int[classes];
    for (int label : labels) {
      counts[label]++;
    }
    return Arrays.stream(counts).max().orElseThrow() / (double) size();
  }

  /**
   * The difference in means (Marks and Tegmark 2024, arXiv 2310.06824): the mean activation of a
   * class less that of all others, [d].
   *
   * @throws InvalidInputException when there is no example of the class, or none of another
   */
  public float[] differenceInMeans(int c) {
    var of = new RowMean();
    var others = new RowMean();
    int count = 0;
    for (int i = 0; i < rows.length; i++) {
      (labels[i] == c ? of : others).add(rows[i]);
      count += labels[i] == c ? 1 : 0;
    }
    if (count == 0 || count == rows.length) {
      throw new InvalidInputException(
          "class", Integer.toString(c), count + " of " + rows.length + " examples are of it");
    }
    return Vectors.minus(of.mean(), others.mean());
  }

  /** d. */
  public int width() {
    return rows[0].length;
  }

  /** Training and test examples: a random part, the same for the same seed. */
  public record Split(Examples train, Examples test) {}

  /**
   * Sets some aside for a test.
   *
   * @param fraction of the examples to test, above 0 and below 1
   */
  public Split split(double fraction, long seed) {
    if (!(fraction > 0 && fraction < 1)) {
      throw new InvalidInputException(
          "test fraction", Double.toString(fraction), "must be above 0 and below 1");
    }
    int test = (int) Math.round(fraction * size());
    if (test == 0 || test == size()) {
      throw new InvalidInputException(
          "examples", Integer.toString(size()), "are too few to set " + fraction + " aside");
    }
    int[] order = permutation(size(), seed);
    return new Split(
        select(Arrays.copyOfRange(order, test, size())), select(Arrays.copyOf(order, test)));
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
        classes);
  }
}
