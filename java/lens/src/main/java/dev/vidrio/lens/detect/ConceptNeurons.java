package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Which neurons tell the texts of a class from all others? With classes of topics, languages or
 * skills, these are concept, language and skill neurons (Suau et al. 2020, arXiv 2005.07647; Tang
 * et al. 2024, arXiv 2402.16438). A neuron's response to a text is its mean or largest activation
 * ({@code mlp.hook_post}) over the tokens but the first, and its score is the area under the ROC
 * curve (AUROC): the probability that a text of the class has a larger response than another text.
 *
 * <p>With many neurons and few texts, some neurons separate any classes by chance: {@link #control}
 * is the largest area that appears when labels are shuffled.
 *
 * @param texts number of texts
 * @param classes number of classes
 * @param neurons by layer and neuron
 * @param control the largest distance of an area from 0.5 over all neurons and classes with
 *     shuffled labels, plus 0.5
 * @see "docs/lens/corpus.md"
 */
public record ConceptNeurons(int texts, int classes, List<Neuron> neurons, double control) {
  /** Maximum bytes of responses. */
  private static final long BYTES = 1L << 30;

  /** The response of a neuron to a text. */
  public enum Response {
    /** The mean activation over the tokens. */
    MEAN,
    /** The largest activation. */
    MAXIMUM
  }

  /**
   * A neuron's scores.
   *
   * @param areas the area under the ROC curve of each class against all others; below 0.5 for a
   *     neuron that responds less to the class
   * @param differences the mean response of each class minus that of all others, in standard
   *     deviations of all responses; 0 if those are equal
   */
  public record Neuron(int layer, int neuron, List<Double> areas, List<Double> differences) {
    public Neuron {
      areas = List.copyOf(areas);
      differences = List.copyOf(differences);
    }

    /** Returns the name, such as {@code L3.N250}. */
    public String name() {
      return "L" + layer + ".N" + neuron;
    }
  }

  public ConceptNeurons {
    neurons = List.copyOf(neurons);
  }

  /**
   * Runs texts.
   *
   * @param texts tokens of each, at least 2
   * @param labels the class of each text, from 0
   * @param seed of the shuffled labels
   * @throws InvalidInputException if labels do not fit the texts, a class has no text or all texts,
   *     responses need more than 1 GiB, or the model has no neurons
   */
  public static ConceptNeurons of(
      Lens lens, List<int[]> texts, int[] labels, Response response, long seed) {
    int classes = Arrays.stream(labels).max().orElse(-1) + 1;
    Preconditions.require(
        labels.length == texts.size(), "labels", labels.length, "must be " + texts.size());
    Preconditions.require(classes >= 2, "classes", classes, "must be at least 2");
    for (int c = 0; c < classes; c++) {
      int own = c;
      boolean any = Arrays.stream(labels).anyMatch(label -> label == own);
      Preconditions.require(any, "class", c, "has no text");
    }
    List<Integer> layers = NeuronWeights.layers(lens);
    Preconditions.require(
        !layers.isEmpty(), "neurons", "", "the model has no layer with one feed-forward block");
    HookMap hooks = HookMap.of(lens.model());
    long width =
        layers.stream().mapToLong(l -> hooks.buffer(new HookPoint(HookSite.POST, l)).width()).sum();
    long most = BYTES / Float.BYTES / width;
    Preconditions.require(
        texts.size() <= most,
        "texts",
        texts.size(),
        "must be at most " + most + ", so that the responses fit into 1 GiB");
    List<float[][]> responses = responses(lens, layers, texts, response);
    int[] shuffled = shuffled(labels, seed);
    List<Neuron> neurons = new ArrayList<>();
    double control = 0.5;
    for (int l = 0; l < layers.size(); l++) {
      float[][] own = responses.get(l);
      int layer = layers.get(l);
      neurons.addAll(
          IntStream.range(0, own.length)
              .parallel()
              .mapToObj(u -> neuron(layer, u, own[u], labels, classes))
              .toList());
      control =
          Math.max(
              control,
              IntStream.range(0, own.length)
                  .parallel()
                  .mapToDouble(
                      u ->
                          Arrays.stream(areas(own[u], shuffled, classes))
                              .map(area -> 0.5 + Math.abs(area - 0.5))
                              .max()
                              .orElseThrow())
                  .max()
                  .orElse(0));
    }
    return new ConceptNeurons(texts.size(), classes, neurons, control);
  }

  /** Returns the neurons in descending order of the area of a class. */
  public List<Neuron> ranked(int which) {
    Preconditions.requireRange("class", which, 0, classes - 1);
    return neurons.stream()
        .sorted(Comparator.comparingDouble((Neuron neuron) -> -neuron.areas.get(which)))
        .toList();
  }

  private static int[] shuffled(int[] labels, long seed) {
    List<Integer> order = new ArrayList<>(Arrays.stream(labels).boxed().toList());
    Collections.shuffle(order, new Random(seed));
    return order.stream().mapToInt(Integer::intValue).toArray();
  }

  /** Returns the responses of the neurons of each layer, [neurons][texts]. */
  private static List<float[][]> responses(
      Lens lens, List<Integer> layers, List<int[]> texts, Response response) {
    Capture capture =
        Capture.of(
            String.join(
                ",", layers.stream().map(l -> new HookPoint(HookSite.POST, l).name()).toList()));
    List<float[][]> responses = new ArrayList<>();
    for (int t = 0; t < texts.size(); t++) {
      int[] text = texts.get(t);
      Preconditions.require(
          text.length >= 2, "text " + (t + 1), text.length + " tokens", "must have at least 2");
      try (ActivationCache cache = lens.run(text, capture)) {
        for (int l = 0; l < layers.size(); l++) {
          float[] own =
              response(cache.get(HookSite.POST, layers.get(l)).data(), text.length, response);
          if (t == 0) {
            responses.add(new float[own.length][texts.size()]);
          }
          for (int u = 0; u < own.length; u++) {
            responses.get(l)[u][t] = own[u];
          }
        }
      }
    }
    return responses;
  }

  private static float[] response(MemorySegment activations, int tokens, Response response) {
    int width = Math.toIntExact(activations.byteSize() / Float.BYTES / tokens);
    var sums = new double[width];
    Arrays.fill(sums, response == Response.MEAN ? 0 : Double.NEGATIVE_INFINITY);
    for (int i = 1; i < tokens; i++) {
      for (int u = 0; u < width; u++) {
        double x = activations.getAtIndex(JAVA_FLOAT, (long) i * width + u);
        sums[u] = response == Response.MEAN ? sums[u] + x / (tokens - 1) : Math.max(sums[u], x);
      }
    }
    var values = new float[width];
    for (int u = 0; u < width; u++) {
      values[u] = (float) sums[u];
    }
    return values;
  }

  private static Neuron neuron(int layer, int u, float[] responses, int[] labels, int classes) {
    double[] areas = areas(responses, labels, classes);
    double mean =
        IntStream.range(0, labels.length).mapToDouble(t -> responses[t]).average().orElse(0);
    double variance =
        IntStream.range(0, labels.length)
            .mapToDouble(t -> (responses[t] - mean) * (responses[t] - mean))
            .average()
            .orElse(0);
    List<Double> differences = new ArrayList<>();
    for (int c = 0; c < classes; c++) {
      double own = 0;
      double others = 0;
      int count = 0;
      for (int t = 0; t < labels.length; t++) {
        own += labels[t] == c ? responses[t] : 0;
        others += labels[t] == c ? 0 : responses[t];
        count += labels[t] == c ? 1 : 0;
      }
      double difference = own / count - others / (labels.length - count);
      differences.add(variance == 0 ? 0 : difference / Math.sqrt(variance));
    }
    return new Neuron(layer, u, Arrays.stream(areas).boxed().toList(), differences);
  }

  /** Returns the area under the ROC curve of each class, by ranks; equal responses share theirs. */
  static double[] areas(float[] responses, int[] labels, int classes) {
    int n = labels.length;
    long[] order = new long[n];
    for (int t = 0; t < n; t++) {
      int bits = Float.floatToIntBits(responses[t] + 0.0f);
      long ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
      order[t] = (ascending << 32) | t;
    }
    Arrays.sort(order);
    var ranks = new double[classes];
    var counts = new int[classes];
    for (int begin = 0; begin < n; ) {
      int end = begin;
      while (end < n && (order[end] >> 32) == (order[begin] >> 32)) {
        end++;
      }
      for (int i = begin; i < end; i++) {
        int label = labels[(int) order[i]];
        ranks[label] += (begin + end + 1) / 2.0;
        counts[label]++;
      }
      begin = end;
    }
    var areas = new double[classes];
    for (int c = 0; c < classes; c++) {
      double pairs = (double) counts[c] * (n - counts[c]);
      areas[c] = (ranks[c] - counts[c] * (counts[c] + 1.0) / 2) / pairs;
    }
    return areas;
  }
}
