package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.BatchGradients;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.partial.RowPlan;
import dev.vidrio.lens.resolve.HookMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs batches of texts with a coefficient on each edge, and the gradients of metrics with respect
 * to the coefficients. All texts of a batch share them, or each text has its own. The input of a
 * component B is
 *
 * <pre>{@code
 * in_B = Σ_A z_AB f_A + (1 − z_AB) a_A
 * }</pre>
 *
 * <p>for the outputs f_A of this run and the ablated ones a_A. A circuit has coefficients 0 and 1.
 * With the gradient g_B of a metric with respect to in_B, through B alone, the gradients are
 *
 * <pre>{@code
 * ∂/∂z_AB = ⟨f_A − a_A, g_B⟩     ∂/∂f_A = Σ_B z_AB g_B     ∂/∂a_A = Σ_B (1 − z_AB) g_B
 * }</pre>
 *
 * <p>The plan of the model and its gradient run from one component to the next: the inputs of
 * components are overwritten on the way forward, the gradients of their outputs on the way back.
 *
 * <p>Not thread-safe.
 */
final class MaskedRuns implements AutoCloseable {
  /** Rows per run of a projection. */
  private static final int ROWS = 128;

  /** Elements of all sums that are computed together. */
  private static final int TILE = 1024;

  /** Sources that are added together. */
  private static final int TOGETHER = 4;

  private final ComponentGraph graph;
  private final EdgeGradients gradients;
  private final BatchGradients session;
  private final List<Node.Destination> destinations;
  private final int[] inputs;
  private final int sources;
  private final int layers;
  private final int d;
  private final Map<Buffer, RowPlan> projections = new HashMap<>();
  private final List<OutputGradients> outputs = new ArrayList<>();
  private final EdgeProducts products;

  /** The parts of the model by the buffer after which the plan stops. */
  private final Map<Buffer, Stop> forward = new LinkedHashMap<>();

  private final Map<Buffer, Stop> backward = new LinkedHashMap<>();

  // The current run. Arrays of activations have the rows of the largest batch.
  private List<float[][]> coefficients = List.of();
  private List<Tile> tiles = List.of();
  private CircuitBatch.@Nullable Ablated recording;

  /** The number of elements of an activation: rows times d. */
  private int length;

  /** The difference of each source's output from the ablated one, [rows, d]. */
  private final float[][] differences;

  /** The inputs of heads by destination, [rows, d]; empty for others. */
  private final float[][] headInputs;

  /** The outputs of heads by layer and head, [rows, d]. */
  private final float[][][] headOutputs;

  /** Activations of a part of the model, or gradients. */
  private final float[][] scratch;

  /** The gradient with respect to the output of the last feed-forward block on the way back. */
  private final float[] mlpGradient;

  /** The destinations from this one on have gradients. */
  private int known;

  /** The part of the model where the plan stops. */
  private enum Part {
    EMBED,
    HEAD_INPUTS,
    HEADS,
    MLP_INPUT,
    MLP,
    LOGITS
  }

  /** Elements {@code begin} to {@code end} of all activations, with the same coefficients. */
  private record Tile(int begin, int end, int group) {}

  /** A stop of the plan, with the first destination or source of its part. */
  private record Stop(Part part, int layer, int first) {}

  /**
   * Prepares runs.
   *
   * @param batches all batches that will run
   */
  MaskedRuns(Lens lens, ComponentGraph graph, List<PairBatch> batches) {
    this(lens, graph, batches, false);
  }

  /**
   * Prepares runs.
   *
   * @param batches all batches that will run
   * @param perText whether each text has coefficients of its own; otherwise all share them
   */
  MaskedRuns(Lens lens, ComponentGraph graph, List<PairBatch> batches, boolean perText) {
    this.graph = graph;
    this.destinations = graph.destinations();
    this.inputs = destinations.stream().mapToInt(graph::inputCount).toArray();
    this.sources = graph.sources().size();
    this.layers = lens.model().architecture().layers();
    this.d = HookMap.of(lens.model()).stream(0).width();
    int most = Math.multiplyExact(PairBatch.mostRows(batches), d);
    this.differences = new float[sources][most];
    this.headInputs = new float[inputs.length][];
    Arrays.setAll(
        headInputs, i -> new float[destinations.get(i) instanceof Node.HeadInput ? most : 0]);
    HookMap map = HookMap.of(lens.model());
    this.headOutputs = new float[layers][][];
    Arrays.setAll(headOutputs, l -> new float[map.heads(l)][most]);
    this.scratch = new float[IntStream.range(0, layers).map(map::heads).max().orElse(1)][most];
    this.mlpGradient = new float[most];
    this.gradients = new EdgeGradients(lens, graph, batches, EdgeGradients.Runs.SEPARATE);
    this.session = gradients.session();
    Executor executor = lens.model().executor();
    try {
      Plan plan = lens.model().architecture().plan(PairBatch.positions(batches));
      prepare(executor, plan);
      int together = perText ? PairBatch.longest(batches) * d : most;
      this.products = new EdgeProducts(executor, sources, together);
    } catch (Throwable e) {
      close(null);
      throw e;
    }
  }

  private void prepare(Executor executor, Plan plan) {
    HookMap hooks = gradients.hooks();
    forward.put(hooks.stream(0), new Stop(Part.EMBED, 0, 0));
    int destination = 0;
    for (int l = 0; l < layers; l++) {
      EdgeGradients.Layer layer = gradients.layer(l);
      int head = graph.number(new Node.Head(l, 0));
      int mlp = graph.number(new Node.Mlp(l));
      for (EdgeGradients.Site site : layer.sites()) {
        var part = hooks.between(layer.pre(), site.at());
        projections.put(site.at(), new RowPlan(executor, layer.pre(), part, site.at(), ROWS));
        forward.put(site.at(), new Stop(Part.HEAD_INPUTS, l, destination));
        destination += site.heads();
      }
      forward.put(layer.z(), new Stop(Part.HEADS, l, head));
      backward.put(layer.z(), new Stop(Part.HEADS, l, head));
      outputs.add(new OutputGradients(executor, plan, hooks, l));
      // Parallel blocks read the stream that heads read, and the first one the embedding.
      forward.merge(
          layer.beforeMlp(),
          new Stop(Part.MLP_INPUT, l, destination),
          (embed, input) -> new Stop(Part.EMBED, 0, input.first));
      destination++;
      forward.put(layer.mlpOut(), new Stop(Part.MLP, l, mlp));
      backward.put(layer.mlpOut(), new Stop(Part.MLP, l, mlp));
    }
    forward.put(gradients.last(), new Stop(Part.LOGITS, layers, destination));
  }

  /** Runs the clean texts of a batch forward and back, with coefficients that they share. */
  double[] run(
      CircuitBatch.Ablated recording,
      float[][] coefficients,
      List<? extends DifferentiableMetric> metrics) {
    return run(recording, Collections.singletonList(coefficients), metrics);
  }

  /**
   * Runs the clean texts of a batch forward and back.
   *
   * @param coefficients z by destination and source, for each text, or once for all; they have a
   *     number for each source before the destination
   * @param metrics one for each pair
   * @return the metric of each pair
   */
  double[] run(
      CircuitBatch.Ablated recording,
      List<float[][]> coefficients,
      List<? extends DifferentiableMetric> metrics) {
    PairBatch batch = recording.batch;
    this.recording = recording;
    this.coefficients = coefficients;
    this.length = batch.rowCount() * d;
    this.tiles = new ArrayList<>();
    for (int group = 0; group < coefficients.size(); group++) {
      int end = endRow(group) * d;
      for (int begin = row(group) * d; begin < end; begin += TILE) {
        tiles.add(new Tile(begin, Math.min(end, begin + TILE), group));
      }
    }
    gradients.begin(batch);
    session.forward(batch.clean(), batch.logits(), forward.keySet(), this::forward);
    known = destinations.size();
    double[] values = session.backward(metrics, backward.keySet(), this::backward);
    differentiate(0);
    return values;
  }

  /** Returns the first row of the texts with the same coefficients. */
  private int row(int group) {
    return recording().batch.row(group);
  }

  private int endRow(int group) {
    PairBatch batch = recording().batch;
    return coefficients.size() == 1 ? batch.rowCount() : batch.row(group + 1);
  }

  private void forward(Buffer at) {
    Stop stop = Objects.requireNonNull(forward.get(at));
    switch (stop.part) {
      case EMBED -> {
        set(0, at);
        if (stop.first > 0) {
          writeInput(at, stop.first);
        }
      }
      case HEAD_INPUTS -> project(at, stop);
      case HEADS -> {
        float[][] written = headOutputs[stop.layer];
        gradients.headOutputs(stop.layer, written);
        for (int h = 0; h < written.length; h++) {
          set(stop.first + h, written[h]);
        }
      }
      case MLP -> set(stop.first, at);
      case MLP_INPUT, LOGITS -> writeInput(at, stop.first);
    }
  }

  private CircuitBatch.Ablated recording() {
    return Objects.requireNonNull(recording);
  }

  private void set(int source, Buffer output) {
    MemorySegment.copy(session.values(output), JAVA_FLOAT, 0, scratch[0], 0, length);
    set(source, scratch[0]);
  }

  private void set(int source, float[] output) {
    float[] difference = differences[source];
    float[] ablated = recording().outputs[source];
    for (int j = 0; j < length; j++) {
      difference[j] = output[j] - ablated[j];
    }
  }

  private void writeInput(Buffer at, int destination) {
    inputs(destination, 1, scratch, 0);
    MemorySegment.copy(scratch[0], 0, session.values(at), JAVA_FLOAT, 0, length);
  }

  /** Computes a site of heads, each from its own input. */
  private void project(Buffer at, Stop stop) {
    EdgeGradients.Layer layer = gradients.layer(stop.layer);
    int heads =
        layer.sites().stream()
            .filter(site -> site.at().equals(at))
            .findFirst()
            .orElseThrow()
            .heads();
    inputs(stop.first, heads, headInputs, stop.first);
    MemorySegment target = session.values(at);
    int rows = recording().batch.rowCount();
    long headBytes = 4L * at.width() / heads;
    Objects.requireNonNull(projections.get(at))
        .run(
            heads * rows,
            (i, row) ->
                MemorySegment.copy(
                    headInputs[stop.first + i / rows], i % rows * d, row, JAVA_FLOAT, 0, d),
            (i, row) -> {
              long h = i / rows;
              long to = (i % rows * (long) heads + h) * headBytes;
              MemorySegment.copy(row, h * headBytes, target, to, headBytes);
            });
  }

  /** Returns the residual stream that a destination reads if all edges are ablated. */
  private float[] ablatedStream(Node.Destination destination) {
    float[][] streams = recording().streams;
    return switch (destination) {
      case Node.HeadInput input -> streams[2 * input.layer()];
      case Node.Mlp mlp -> streams[2 * mlp.layer() + (isParallel(mlp.layer()) ? 0 : 1)];
      case Node.Logits _ -> streams[2 * layers];
    };
  }

  private boolean isParallel(int layer) {
    return gradients.hooks().beforeMlp(layer).site() == HookSite.RESID_PRE;
  }

  /**
   * Computes the inputs of adjacent destinations that read the same stream.
   *
   * @param to receives them from index {@code at}
   */
  private void inputs(int first, int count, float[][] to, int at) {
    float[] ablated = ablatedStream(destinations.get(first));
    for (int i = 0; i < count; i++) {
      System.arraycopy(ablated, 0, to[at + i], 0, length);
    }
    List<float[][]> weights =
        coefficients.stream().map(all -> Arrays.copyOfRange(all, first, first + count)).toList();
    addSums(to, at, weights, Arrays.copyOf(differences, inputs[first]));
  }

  /** Adds weighted vectors to sums: {@code sum_i += Σ_k weights_ik from_k}. */
  private void addSums(float[][] sums, int at, List<float[][]> weights, float[][] from) {
    tiles.parallelStream()
        .forEach(
            tile -> {
              int begin = tile.begin;
              int end = tile.end;
              float[][] own = weights.get(tile.group);
              int k = 0;
              for (; k + TOGETHER <= from.length; k += TOGETHER) {
                for (int i = 0; i < own.length; i++) {
                  addFour(sums[at + i], own[i], from, k, begin, end);
                }
              }
              for (; k < from.length; k++) {
                for (int i = 0; i < own.length; i++) {
                  add(sums[at + i], own[i][k], from[k], begin, end);
                }
              }
            });
  }

  private static void addFour(
      float[] sum, float[] weights, float[][] from, int k, int begin, int end) {
    float wa = weights[k];
    float wb = weights[k + 1];
    float wc = weights[k + 2];
    float wd = weights[k + 3];
    if (wa == 0 && wb == 0 && wc == 0 && wd == 0) {
      return;
    }
    float[] a = from[k];
    float[] b = from[k + 1];
    float[] c = from[k + 2];
    float[] e = from[k + 3];
    for (int j = begin; j < end; j++) {
      sum[j] += wa * a[j] + wb * b[j] + wc * c[j] + wd * e[j];
    }
  }

  private static void add(float[] sum, float weight, float[] from, int begin, int end) {
    if (weight != 0) {
      for (int j = begin; j < end; j++) {
        sum[j] += weight * from[j];
      }
    }
  }

  private void backward(Buffer at, MemorySegment gradient) {
    Stop stop = Objects.requireNonNull(backward.get(at));
    int reader = readers(stop.first);
    differentiate(reader);
    if (stop.part == Part.MLP) {
      outputGradients(stop.first, 1);
      System.arraycopy(scratch[0], 0, mlpGradient, 0, length);
      MemorySegment.copy(mlpGradient, 0, gradient, JAVA_FLOAT, 0, length);
      return;
    }
    float[][] written = headOutputs[stop.layer];
    OutputGradients of = outputs.get(stop.layer);
    outputGradients(stop.first, written.length);
    of.run(recording().batch.rowCount(), scratch, written, session.values(of.product()), gradient);
  }

  /** Returns the first destination that reads a source. */
  private int readers(int source) {
    int first = 0;
    while (inputs[first] <= source) {
      first++;
    }
    return first;
  }

  /** Computes the gradients with respect to the inputs of all destinations from a first one. */
  private void differentiate(int first) {
    while (known > first) {
      switch (destinations.get(known - 1)) {
        case Node.Logits _ -> gradients.addLogits(--known, 1);
        case Node.Mlp mlp -> {
          EdgeGradients.Layer layer = gradients.layer(mlp.layer());
          MemorySegment dy =
              layer.mlpAt().equals(layer.mlpOut())
                  ? MemorySegment.ofArray(mlpGradient)
                  : session.gradient(layer.mlpAt());
          gradients.addMlp(layer, --known, dy, 1);
        }
        case Node.HeadInput input -> {
          int end = known;
          while (known > 0
              && destinations.get(known - 1) instanceof Node.HeadInput other
              && other.layer() == input.layer()) {
            known--;
          }
          List<MemorySegment> own =
              Arrays.stream(headInputs, known, end).map(MemorySegment::ofArray).toList();
          var _ = gradients.addHeads(gradients.layer(input.layer()), known, own, 1);
        }
      }
    }
  }

  /**
   * Computes the gradients with respect to the outputs of adjacent sources with the same readers,
   * in {@link #scratch}.
   */
  private void outputGradients(int first, int count) {
    int reader = readers(first);
    var from = new float[destinations.size() - reader][];
    Arrays.setAll(from, k -> gradients.sum(reader + k));
    List<float[][]> weights = new ArrayList<>();
    for (float[][] all : coefficients) {
      var own = new float[count][from.length];
      for (int k = 0; k < from.length; k++) {
        for (int i = 0; i < count; i++) {
          own[i][k] = all[reader + k][first + i];
        }
      }
      weights.add(own);
    }
    for (int i = 0; i < count; i++) {
      Arrays.fill(scratch[i], 0, length, 0);
    }
    addSums(scratch, 0, weights, from);
  }

  /**
   * Adds the gradients of the last run with respect to coefficients, of all metrics together.
   *
   * @param group the text that has the coefficients, or 0 if all texts share them
   * @param sums by destination and source
   */
  void addCoefficients(int group, double[][] sums) {
    int at = row(group) * d;
    int own = (endRow(group) - row(group)) * d;
    for (int s = 0; s < sources; s++) {
      products.set(s, differences[s], at, own);
    }
    for (int begin = 0; begin < inputs.length; ) {
      int count = inputs[begin];
      int first = begin;
      List<float[]> together = new ArrayList<>();
      for (; begin < inputs.length && inputs[begin] == count; begin++) {
        together.add(gradients.sum(begin));
      }
      products.multiply(
          count,
          together,
          at,
          own,
          (i, row) -> {
            for (int s = 0; s < count; s++) {
              sums[first + i][s] += row.getAtIndex(JAVA_FLOAT, s);
            }
          });
    }
  }

  /**
   * Adds the gradients of the last run with respect to constants that ablated edges carry.
   *
   * @param sums by source, [d]
   */
  void addConstants(double[][] sums) {
    for (int group = 0; group < coefficients.size(); group++) {
      float[][] own = coefficients.get(group);
      float[][] totals = totals(row(group), endRow(group));
      IntStream.range(0, sources)
          .parallel()
          .forEach(
              s -> {
                for (int b = readers(s); b < inputs.length; b++) {
                  double weight = 1.0 - own[b][s];
                  for (int j = 0; j < d && weight != 0; j++) {
                    sums[s][j] += weight * totals[b][j];
                  }
                }
              });
    }
  }

  /** Returns the sum of the gradient of each destination over rows, [d]. */
  private float[][] totals(int from, int to) {
    var totals = new float[inputs.length][d];
    IntStream.range(0, inputs.length)
        .parallel()
        .forEach(
            b -> {
              float[] gradient = gradients.sum(b);
              for (int i = from; i < to; i++) {
                for (int j = 0; j < d; j++) {
                  totals[b][j] += gradient[i * d + j];
                }
              }
            });
    return totals;
  }

  private void close(@Nullable EdgeProducts last) {
    if (last != null) {
      last.close();
    }
    projections.values().forEach(RowPlan::close);
    outputs.forEach(OutputGradients::close);
    gradients.close();
  }

  @Override
  public void close() {
    close(products);
  }
}
