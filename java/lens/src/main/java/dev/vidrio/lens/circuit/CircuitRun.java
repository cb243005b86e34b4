package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.memory.LogitRows;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Runs circuits: the model reads the clean text, and the input of each component is {@code Σ_A
 * f^A}, where the output f^A of a component is that of this run on edges of the circuit, and that
 * of the corrupted run on all others (equation 16 of the primer; Conmy et al. 2023, arXiv
 * 2304.14997). The queries, keys, values and gates of each head have separate inputs; all parts use
 * the weights and operations that serve.
 *
 * <p>The whole graph gives the bits of the clean run, the empty circuit those of the corrupted one.
 * Inputs are computed by the smaller number of additions: from the current residual stream minus
 * the edges outside the circuit, or from the corrupted run's stream plus the edges inside. If a
 * norm is between attention and the residual stream, a head's output is divided by the divisor of
 * its own run.
 *
 * <p>Not thread-safe.
 *
 * @see ComponentGraph
 * @see "docs/lens/interventions.md"
 */
public final class CircuitRun implements AutoCloseable {
  private final Lens lens;
  private final ComponentGraph graph;
  private final HookMap map;
  private final int[] clean;
  private final int positions;
  private final int layers;
  private final HeadParts heads;
  private final LensSession session;
  private final Sequence sequence;
  private final Recording cleanRun;
  private final Recording corruptedRun;

  /** The outputs and inputs of the components in a run without interventions. */
  private static final class Recording {
    /** Outputs [n, d] by number of the source. */
    final float[][] written;

    /** Residual streams [n, d], by {@link #place}. */
    final float[][] streams;

    /** The logits [positions, V] after the last tokens. */
    final float[] logits;

    Recording(float[][] written, float[][] streams, float[] logits) {
      this.written = written;
      this.streams = streams;
      this.logits = logits;
    }
  }

  /** The outputs of the current run so far, by number of the source. */
  private float[][] written = new float[0][];

  /** The sum of their differences from the clean run. */
  private float[] drift = new float[0];

  /**
   * Opens a run and runs both texts.
   *
   * @param clean tokens
   * @param corrupted as many other tokens
   * @throws InvalidInputException if the texts differ in length, the model does not support them,
   *     or the output of its attention is not a sum of heads
   */
  public static CircuitRun open(Lens lens, int[] clean, int[] corrupted) {
    return open(lens, clean, corrupted, 1);
  }

  /**
   * Opens a run for metrics that read several positions, and runs both texts.
   *
   * @param positions the {@link Metric#positions} of all metrics of this run
   * @throws InvalidInputException also if the texts have fewer tokens
   */
  public static CircuitRun open(Lens lens, int[] clean, int[] corrupted, int positions) {
    Preconditions.requireEqualLength(clean, corrupted);
    Preconditions.requireTokens(lens.model(), clean);
    Preconditions.requireRange("positions", positions, 1, clean.length);
    return new CircuitRun(lens, clean, corrupted, positions);
  }

  private CircuitRun(Lens lens, int[] clean, int[] corrupted, int positions) {
    this.lens = lens;
    this.graph = ComponentGraph.of(lens);
    this.map = HookMap.of(lens.model());
    this.clean = clean.clone();
    this.positions = positions;
    this.layers = lens.model().architecture().layers();
    int n = clean.length;
    this.heads = new HeadParts(lens.model(), n);
    try {
      this.session = lens.open(Capture.NONE, new SessionOptions(n, n, 1, positions), editable());
    } catch (Throwable e) {
      heads.close();
      throw e;
    }
    try {
      this.sequence = session.newSequence();
      this.cleanRun = record(clean);
      this.corruptedRun = record(corrupted);
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private String editable() {
    return Stream.of(
            HookSite.RESID_PRE,
            HookSite.Q,
            HookSite.K,
            HookSite.V,
            HookSite.GATE,
            HookSite.Z,
            HookSite.RESID_MID,
            HookSite.MLP_OUT,
            HookSite.RESID_POST)
        .filter(site -> lens.has(new HookPoint(site, 0)))
        .map(site -> "blocks.*." + site.suffix())
        .collect(Collectors.joining(","));
  }

  /** Returns the graph of the model. */
  public ComponentGraph graph() {
    return graph;
  }

  /** Returns the clean text. */
  public int[] tokens() {
    return clean.clone();
  }

  /** Returns the metric of the clean run. */
  public double clean(Metric metric) {
    require(metric);
    return metric.of(MemorySegment.ofArray(cleanRun.logits));
  }

  /** Returns the metric of the corrupted run. */
  public double corrupted(Metric metric) {
    require(metric);
    return metric.of(MemorySegment.ofArray(corruptedRun.logits));
  }

  /**
   * Runs a circuit and returns its metric.
   *
   * @throws InvalidInputException if an edge is not in the graph of the model
   */
  public double run(Circuit circuit, Metric metric) {
    return run(new EdgeMask(graph, circuit), metric);
  }

  private void require(Metric metric) {
    String limit = "the run was opened for metrics of " + positions;
    Preconditions.require(
        metric.positions() == positions, "positions of the metric", metric.positions(), limit);
  }

  double run(EdgeMask circuit, Metric metric) {
    require(metric);
    session.hooks(circuitHooks(circuit));
    written = new float[graph.sources().size()][];
    written[0] = cleanRun.written[0];
    drift = new float[written[0].length];
    return metric.of(feed(clean));
  }

  /** Runs a text and returns the logits after its last positions, [positions, V]. */
  private MemorySegment feed(int[] tokens) {
    sequence.truncate(0);
    session.begin();
    for (int i = 0; i < tokens.length; i++) {
      session.add(sequence, tokens[i], i >= tokens.length - positions);
    }
    session.run();
    return LogitRows.of(session, 0, positions);
  }

  private Recording record(int[] tokens) {
    written = new float[graph.sources().size()][];
    var streams = new float[2 * layers + 1][];
    Hook keep = rows -> streams[place(rows.point())] = rows.toArray();
    Map<HookPoint, Hook> hooks = new HashMap<>();
    for (int l = 0; l < layers; l++) {
      hooks.put(point(HookSite.RESID_PRE, l), keep);
      hooks.put(map.beforeMlp(l), keep);
      hooks.put(point(HookSite.Z, l), this::writeHeads);
      hooks.put(point(HookSite.MLP_OUT, l), this::writeMlp);
    }
    hooks.put(lastStream(), keep);
    session.hooks(hooks);
    float[] logits = feed(tokens).toArray(JAVA_FLOAT);
    written[0] = streams[0];
    return new Recording(written, streams, logits);
  }

  private HookPoint lastStream() {
    return point(HookSite.RESID_POST, layers - 1);
  }

  private static HookPoint point(HookSite site, int layer) {
    return new HookPoint(site, layer);
  }

  /** Returns the number of a residual stream that components read. */
  private int place(HookPoint stream) {
    return switch (stream.site()) {
      case RESID_PRE -> 2 * stream.layer();
      case RESID_MID -> 2 * stream.layer() + 1;
      default -> 2 * layers;
    };
  }

  private void writeHeads(StepRows rows) {
    int layer = rows.point().layer();
    float[][] outputs = heads.written(layer, rows);
    int first = graph.number(new Node.Head(layer, 0));
    for (int h = 0; h < outputs.length; h++) {
      write(first + h, outputs[h]);
    }
  }

  private void writeMlp(StepRows rows) {
    write(graph.number(new Node.Mlp(rows.point().layer())), rows.toArray());
  }

  private void write(int source, float[] output) {
    written[source] = output;
    if (drift.length > 0) {
      Vectors.addDifference(drift, output, cleanRun.written[source]);
    }
  }

  private Map<HookPoint, Hook> circuitHooks(EdgeMask circuit) {
    Map<HookPoint, Hook> hooks = new HashMap<>();
    for (int l = 0; l < layers; l++) {
      for (HookSite site : Node.HeadInput.sites(map, l)) {
        hooks.put(point(site, l), rows -> readHeads(circuit, rows));
      }
      var mlp = new Node.Mlp(l);
      hooks.put(map.beforeMlp(l), rows -> read(circuit, mlp, rows));
      hooks.put(point(HookSite.Z, l), this::writeHeads);
      hooks.put(point(HookSite.MLP_OUT, l), this::writeMlp);
    }
    hooks.put(lastStream(), rows -> read(circuit, new Node.Logits(), rows));
    return hooks;
  }

  private void read(EdgeMask circuit, Node.Destination destination, StepRows rows) {
    float[] input = input(circuit, destination, place(rows.point()));
    MemorySegment.copy(input, 0, rows.data(), JAVA_FLOAT, 0, input.length);
  }

  /** Computes the inputs of heads; heads with the same edges share their input. */
  private void readHeads(EdgeMask circuit, StepRows rows) {
    HookPoint at = rows.point();
    List<Node.HeadInput> readers = graph.inputs(at.site(), at.layer());
    Map<BitSet, Integer> known = new HashMap<>();
    List<float[]> inputs = new ArrayList<>();
    var inputOf = new int[readers.size()];
    for (Node.HeadInput reader : readers) {
      inputOf[reader.head()] =
          known.computeIfAbsent(
              circuit.inputsOf(reader),
              kept -> {
                inputs.add(input(circuit, reader, 2 * at.layer()));
                return inputs.size() - 1;
              });
    }
    heads.project(at, inputs, inputOf, rows);
  }

  /** Returns the input of a component, [n, d]. */
  private float[] input(EdgeMask circuit, Node.Destination destination, int place) {
    BitSet kept = circuit.inputsOf(destination);
    int count = graph.inputCount(destination);
    boolean few = 2 * kept.cardinality() <= count;
    float[] sum = (few ? corruptedRun : cleanRun).streams[place].clone();
    if (!few) {
      Vectors.add(sum, drift);
    }
    for (int i = 0; i < count; i++) {
      float[] corrupted = corruptedRun.written[i];
      if (few && kept.get(i)) {
        Vectors.addDifference(sum, written[i], corrupted);
      } else if (!few && !kept.get(i)) {
        Vectors.addDifference(sum, corrupted, written[i]);
      }
    }
    return sum;
  }

  @Override
  public void close() {
    session.close();
    heads.close();
  }
}
