package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.BatchGradients;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.DoubleConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Scores the edges of a graph, a batch of pairs at a time. Memory depends on the length of texts,
 * not on their number.
 */
final class EdgeScorer {
  private final Lens lens;
  private final ComponentGraph graph;
  private final List<TextPair> pairs;
  private final EdgeScoring scoring;
  private final List<PairBatch> batches;
  private final int sources;

  /** The number of sources before each destination. */
  private final int[] inputs;

  /** The sums of scores, [destination][source]. */
  private final double[][] scores;

  /** The sums of the scores of each source's elements, [source][d], or null. */
  private final double @Nullable [][] elements;

  private final int d;

  /** The outputs of sources, [source][rows · d], which each batch overwrites. */
  private final float[][] own;

  private final float[][] other;

  /** The constant that ablated edges of each source carry, [d], or null for patching. */
  private float @Nullable [][] constants;

  private double clean;
  private double corrupted;

  /**
   * Prepares the scoring.
   *
   * @param elementwise whether elements of outputs are scored in addition to edges
   */
  EdgeScorer(Lens lens, List<TextPair> pairs, EdgeScoring scoring, boolean elementwise) {
    TextPair.requireFit(lens.model(), pairs);
    this.lens = lens;
    this.graph = ComponentGraph.of(lens);
    this.pairs = pairs;
    this.scoring = scoring;
    this.batches = PairBatch.of(pairs, scoring.skipsPrefix());
    this.sources = graph.sources().size();
    List<Node.Destination> destinations = graph.destinations();
    this.inputs = destinations.stream().mapToInt(graph::inputCount).toArray();
    this.scores = new double[inputs.length][];
    Arrays.setAll(scores, i -> new double[inputs[i]]);
    this.d = HookMap.of(lens.model()).stream(0).width();
    this.elements = elementwise ? new double[sources][d] : null;
    int length = Math.multiplyExact(PairBatch.mostRows(batches), d);
    this.own = new float[sources][length];
    this.other = new float[sources][length];
  }

  /** Returns the graph. */
  ComponentGraph graph() {
    return graph;
  }

  /** Returns the mean metric of the clean texts. */
  double clean() {
    return clean / pairs.size();
  }

  /** Returns the mean metric of the corrupted texts. */
  double corrupted() {
    return corrupted / pairs.size();
  }

  /** Returns the mean score of an edge. */
  double score(int destination, int source) {
    return scores[destination][source] / pairs.size();
  }

  /** Returns the mean scores of a source's elements, [d]. */
  double[] elements(int source) {
    double[][] all = Objects.requireNonNull(elements);
    return Arrays.stream(all[source]).map(sum -> sum / pairs.size()).toArray();
  }

  /**
   * Scores all pairs.
   *
   * @param progress receives the share of pairs that are done, 0 to 1
   */
  void run(DoubleConsumer progress) {
    if (scoring.ablation() != CircuitAblation.PATCH) {
      constants = CircuitBatch.constants(lens, graph, pairs, scoring.ablation());
    }
    EdgeGradients.Runs runs =
        scoring.method() == EdgeScoring.Method.EAP_IG_ACTIVATIONS
            ? EdgeGradients.Runs.CUT
            : EdgeGradients.Runs.MODEL;
    try (var gradients = new EdgeGradients(lens, graph, batches, runs);
        var products = products()) {
      int done = 0;
      for (PairBatch batch : batches) {
        gradients.begin(batch);
        if (scoring.method() == EdgeScoring.Method.INFORMATION_FLOW_ROUTES) {
          routes(gradients, batch);
        } else {
          differentiate(gradients, batch);
          for (int i = 0; i < batch.size(); i++) {
            multiply(gradients, products, batch, i);
          }
        }
        done += batch.size();
        progress.accept(done / (double) pairs.size());
      }
    }
  }

  private EdgeProducts products() {
    int width = Math.multiplyExact(PairBatch.longest(batches), d);
    return new EdgeProducts(lens.model().executor(), sources, width);
  }

  /** Sums gradients of a batch and sets {@link #own} to the changes of all sources' outputs. */
  private void differentiate(EdgeGradients gradients, PairBatch batch) {
    BatchGradients session = gradients.session();
    float[][] zOther = {};
    session.forward(batch.corrupted(), batch.logits(), null);
    corrupted += Arrays.stream(session.metrics(batch.metrics())).sum();
    if (constants == null) {
      gradients.outputs(other);
      if (scoring.method() == EdgeScoring.Method.EAP_IG_ACTIVATIONS) {
        zOther = attentions(gradients);
      }
      if (scoring.method() == EdgeScoring.Method.CLEAN_CORRUPTED) {
        gradients(gradients, batch, 0.5f);
      }
    } else {
      repeat(constants, batch.rowCount(), other);
    }
    session.forward(batch.clean(), batch.logits(), null);
    gradients.outputs(own);
    clean += Arrays.stream(session.metrics(batch.metrics())).sum();
    switch (scoring.method()) {
      case EAP -> gradients(gradients, batch, 1);
      case CLEAN_CORRUPTED -> gradients(gradients, batch, 0.5f);
      case EAP_IG_INPUTS -> {
        double[] parts = scoring.parts();
        for (double part : parts) {
          between(gradients, batch, gradients.embed(), own[0], other[0], part, parts.length);
        }
      }
      case EAP_IG_ACTIVATIONS -> {
        float[][] z = attentions(gradients);
        integrateActivations(gradients, batch, z, zOther);
      }
      default -> throw new IllegalStateException(scoring.method().label());
    }
    int length = batch.rowCount() * d;
    IntStream.range(0, sources)
        .parallel()
        .forEach(s -> Vectors.subtractFrom(other[s], own[s], length));
  }

  /** Repeats outputs of sources, [d], at each of some rows. */
  static void repeat(float[][] one, int rows, float[][] target) {
    for (int s = 0; s < one.length; s++) {
      int d = one[s].length;
      for (int i = 0; i < rows; i++) {
        System.arraycopy(one[s], 0, target[s], i * d, d);
      }
    }
  }

  /** Returns {@code hook_z} of each layer in the last run. */
  private static float[][] attentions(EdgeGradients gradients) {
    return IntStream.range(0, gradients.layerCount())
        .mapToObj(l -> gradients.session().values(gradients.z(l)).toArray(JAVA_FLOAT))
        .toArray(float[][]::new);
  }

  private static void gradients(EdgeGradients gradients, PairBatch batch, float weight) {
    gradients.session().backward(batch.differentiable(), null);
    gradients.add(weight);
  }

  /** Adds the gradients of a run with an activation between two values. */
  private static void between(
      EdgeGradients gradients,
      PairBatch batch,
      Buffer at,
      float[] from,
      float[] to,
      double part,
      int count) {
    var values = new float[gradients.length(at)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (from[i] + part * (to[i] - from[i]));
    }
    var write =
        new BatchGradients.Write(
            at, rows -> MemorySegment.copy(values, 0, rows, JAVA_FLOAT, 0, values.length));
    gradients.session().forward(batch.clean(), batch.logits(), write);
    Buffer cut = at.equals(gradients.embed()) ? null : at;
    gradients.session().backward(batch.differentiable(), cut);
    gradients.add(1f / count);
  }

  /** Interpolates the embedding, and each layer's attention and feed-forward block, in turn. */
  private void integrateActivations(
      EdgeGradients gradients, PairBatch batch, float[][] z, float[][] zOther) {
    double[] parts = scoring.parts();
    int layers = gradients.layerCount();
    int count = parts.length * (1 + 2 * layers);
    for (double part : parts) {
      between(gradients, batch, gradients.embed(), own[0], other[0], part, count);
      for (int l = 0; l < layers; l++) {
        int mlp = graph.number(new Node.Mlp(l));
        between(gradients, batch, gradients.z(l), z[l], zOther[l], part, count);
        between(gradients, batch, gradients.mlpOut(l), own[mlp], other[mlp], part, count);
      }
    }
  }

  /** Adds the scores of one pair. */
  private void multiply(EdgeGradients gradients, EdgeProducts products, PairBatch batch, int pair) {
    int at = batch.row(pair) * d;
    int length = batch.length(pair) * d;
    for (int s = 0; s < sources; s++) {
      products.set(s, own[s], at, length);
    }
    for (int begin = 0; begin < inputs.length; ) {
      int count = inputs[begin];
      List<float[]> together = new ArrayList<>();
      int first = begin;
      for (; begin < inputs.length && inputs[begin] == count; begin++) {
        together.add(gradients.sum(begin));
      }
      products.multiply(
          count,
          together,
          at,
          length,
          (i, row) -> {
            double[] sum = scores[first + i];
            for (int s = 0; s < count; s++) {
              sum[s] += row.getAtIndex(JAVA_FLOAT, s);
            }
          });
    }
    if (elements != null) {
      addElements(elements, gradients, at, length);
    }
  }

  /** Adds the scores of the elements of each source's output: its change times all gradients. */
  private void addElements(double[][] sums, EdgeGradients gradients, int at, int length) {
    var total = new float[length];
    int destination = inputs.length - 1;
    for (int s = sources - 1; s >= 0; s--) {
      for (; destination >= 0 && inputs[destination] > s; destination--) {
        float[] gradient = gradients.sum(destination);
        for (int i = 0; i < length; i++) {
          total[i] += gradient[at + i];
        }
      }
      double[] sum = sums[s];
      float[] change = own[s];
      for (int i = 0; i < length; i += d) {
        for (int j = 0; j < d; j++) {
          sum[j] += (double) change[at + i + j] * total[i + j];
        }
      }
    }
  }

  /** Adds the shares of sources in the streams of the clean texts. */
  private void routes(EdgeGradients gradients, PairBatch batch) {
    BatchGradients session = gradients.session();
    session.forward(batch.corrupted(), batch.logits(), null);
    corrupted += Arrays.stream(session.metrics(batch.metrics())).sum();
    session.forward(batch.clean(), batch.logits(), null);
    clean += Arrays.stream(session.metrics(batch.metrics())).sum();
    gradients.outputs(own);
    List<float[]> streams = gradients.streams();
    var known = new double[streams.size()][];
    List<Node.Destination> destinations = graph.destinations();
    for (int i = 0; i < inputs.length; i++) {
      int stream =
          switch (destinations.get(i)) {
            case Node.HeadInput input -> 2 * input.layer();
            case Node.Mlp mlp -> 2 * mlp.layer() + 1;
            case Node.Logits ignored -> streams.size() - 1;
          };
      if (known[stream] == null) {
        known[stream] = shares(streams.get(stream), own, inputs[i], batch, d);
      }
      for (int s = 0; s < inputs[i]; s++) {
        scores[i][s] += known[stream][s];
      }
    }
  }

  /** Returns the sum over pairs of the mean over tokens of each source's share of a stream. */
  private static double[] shares(
      float[] stream, float[][] outputs, int count, PairBatch batch, int d) {
    var shares = new double[count];
    for (int pair = 0; pair < batch.size(); pair++) {
      int length = batch.length(pair);
      int first = batch.row(pair);
      double[] ofPair =
          IntStream.range(first, first + length)
              .parallel()
              .mapToObj(row -> shares(stream, outputs, count, row * d, d))
              .reduce(new double[count], EdgeScorer::sum);
      for (int s = 0; s < count; s++) {
        shares[s] += ofPair[s] / length;
      }
    }
    return shares;
  }

  private static double[] sum(double[] a, double[] b) {
    var sum = new double[a.length];
    Arrays.setAll(sum, i -> a[i] + b[i]);
    return sum;
  }

  private static double[] shares(float[] stream, float[][] outputs, int count, int at, int d) {
    var y = new double[d];
    double norm = 0;
    for (int j = 0; j < d; j++) {
      y[j] = stream[at + j];
      norm += Math.abs(y[j]);
    }
    var shares = new double[count];
    double total = 0;
    for (int s = 0; s < count; s++) {
      float[] z = outputs[s];
      double distance = 0;
      for (int j = 0; j < d; j++) {
        distance += Math.abs(y[j] - z[at + j]);
      }
      shares[s] = Math.max(0, norm - distance);
      total += shares[s];
    }
    for (int s = 0; s < count && total > 0; s++) {
      shares[s] /= total;
    }
    return shares;
  }
}
