package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.memory.LogitRows;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Runs circuits on batches of pairs of texts: the steps of {@link CircuitRun}, which describes
 * them. Only components with outputs that the circuit reads are computed head by head; others keep
 * their values of the clean run, which nothing reads.
 *
 * <p>Not thread-safe.
 */
final class CircuitBatch implements AutoCloseable {
  /**
   * Elements of all sources that are added up together, so that they stay in the cache of a core.
   */
  private static final int TILE = 512;

  private final ComponentGraph graph;
  private final HookMap map;
  private final int layers;
  private final int sources;
  private final int d;

  /** Maximum elements of an activation: rows times d. */
  private final int length;

  private final HeadParts heads;
  private final LensSession session;
  private final List<Sequence> sequences;

  /** The outputs that ablated edges carry, [source][d]; null for those of the corrupted run. */
  private final float @Nullable [][] constants;

  /** The recording that {@link #recordAblated} overwrites, or null before the first. */
  private @Nullable Recording spare;

  /** The recording with the prefixes of the sequences. */
  private @Nullable Recording loaded;

  /** The differences of outputs from the ablated ones, [source][rows · d]. */
  private final float[][] differences;

  /** The sources with known differences of the current run. */
  private final BitSet known = new BitSet();

  /** The sum of the current outputs' differences from the clean run. */
  private final float[] drift;

  /** The outputs of a layer's heads, or of its feed-forward block. */
  private final float[][] outputs;

  /** The inputs that are computed together. */
  private final List<float[]> inputs = new ArrayList<>();

  /** Sources that the circuit reads. */
  private BitSet read = new BitSet();

  /**
   * The outputs and inputs of the components in the runs of a batch without circuits. Arrays may be
   * longer than the batch.
   */
  final class Recording {
    /** Outputs [rows, d] by number of the source, of the clean run and of ablated edges. */
    final float[][] clean = new float[sources][length];

    final float[][] ablated = new float[sources][length];

    /** Residual streams [rows, d], by {@link #place}. */
    final float[][] cleanStreams = new float[2 * layers + 1][length];

    final float[][] ablatedStreams = new float[2 * layers + 1][length];

    /** The logits [positions, V] that each metric reads, of the clean and the corrupted texts. */
    float[][] cleanLogits = {};

    float[][] corruptedLogits = {};

    private PairBatch batch;

    private Recording(PairBatch batch) {
      this.batch = batch;
    }

    /** Returns a copy of what ablated edges carry, with arrays as long as the batch. */
    Ablated ablatedRun() {
      return new Ablated(batch, cleanLogits, cut(ablated), cut(ablatedStreams));
    }

    /** Returns what ablated edges carry, without a copy. */
    private Ablated ablatedView() {
      return new Ablated(batch, cleanLogits, ablated, ablatedStreams);
    }

    private float[][] cut(float[][] values) {
      int elements = batch.rowCount() * d;
      return Arrays.stream(values).map(row -> Arrays.copyOf(row, elements)).toArray(float[][]::new);
    }
  }

  /** The values that ablated edges carry in the runs of a batch. Arrays may be longer than it. */
  static final class Ablated {
    final PairBatch batch;

    /** The logits [positions, V] that each metric reads, of the clean texts. */
    final float[][] cleanLogits;

    /** The outputs by source, [rows, d]. */
    final float[][] outputs;

    /** The residual streams if all edges are ablated, [rows, d], by {@link #place}. */
    final float[][] streams;

    private Ablated(PairBatch batch, float[][] cleanLogits, float[][] outputs, float[][] streams) {
      this.batch = batch;
      this.cleanLogits = cleanLogits;
      this.outputs = outputs;
      this.streams = streams;
    }
  }

  /**
   * Opens a session.
   *
   * @param batches all batches that will run
   * @param constants what ablated edges of each source carry, or null to patch
   */
  CircuitBatch(
      Lens lens, ComponentGraph graph, List<PairBatch> batches, float @Nullable [][] constants) {
    this.graph = graph;
    this.map = HookMap.of(lens.model());
    this.constants = constants;
    this.layers = lens.model().architecture().layers();
    this.sources = graph.sources().size();
    this.d = map.stream(0).width();
    int rows = PairBatch.mostRows(batches);
    this.length = Math.multiplyExact(rows, d);
    this.differences = new float[sources][length];
    this.drift = new float[length];
    int together = IntStream.range(0, layers).map(map::heads).max().orElse(0);
    this.outputs = new float[Math.max(1, together)][length];
    int texts = PairBatch.mostPairs(batches);
    this.heads = new HeadParts(lens.model(), rows);
    try {
      var options =
          SessionOptions.exact(
              PairBatch.positions(batches), rows, texts, PairBatch.mostLogits(batches));
      this.session = lens.open(Capture.NONE, options, editable(lens));
    } catch (Throwable e) {
      heads.close();
      throw e;
    }
    this.sequences = Stream.generate(session::newSequence).limit(texts).toList();
  }

  /** Returns the patterns of all points that circuits read and change. */
  static String editable(Lens lens) {
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

  /**
   * Returns what ablated edges of each source carry, [d].
   *
   * @param ablation {@link CircuitAblation#ZERO}, or else means
   */
  static float[][] constants(
      Lens lens, ComponentGraph graph, List<TextPair> pairs, CircuitAblation ablation) {
    int sources = graph.sources().size();
    int d = HookMap.of(lens.model()).stream(0).width();
    if (ablation == CircuitAblation.ZERO) {
      return new float[sources][d];
    }
    List<PairBatch> batches = PairBatch.of(pairs, false);
    var sums = new double[sources][d];
    long rows = 0;
    try (var runs = new CircuitBatch(lens, graph, batches, null)) {
      Recording run = runs.new Recording(batches.getFirst());
      for (PairBatch batch : batches) {
        runs.load(batch, null);
        runs.record(batch, batch.clean(), run.clean, run.cleanStreams);
        rows += batch.rowCount();
        for (int s = 0; s < sources; s++) {
          for (int i = 0; i < batch.rowCount() * d; i++) {
            sums[s][i % d] += run.clean[s][i];
          }
        }
      }
    }
    var means = new float[sources][d];
    for (int s = 0; s < sources; s++) {
      for (int j = 0; j < d; j++) {
        means[s][j] = (float) (sums[s][j] / rows);
      }
    }
    return means;
  }

  /** Returns the bytes of a recording, without logits. */
  long bytes() {
    return 4L * length * (2L * sources + 2 * (2L * layers + 1));
  }

  /**
   * Runs the texts of a batch for {@link MaskedRuns}, which need no outputs of the clean run if
   * edges are patched.
   *
   * @param keep whether the result is a copy; otherwise the next recording overwrites it
   */
  Ablated recordAblated(PairBatch batch, boolean keep) {
    Recording recording;
    if (constants != null) {
      recording = record(batch, spare);
    } else {
      recording = spare == null ? new Recording(batch) : spare;
      recording.batch = batch;
      load(batch, null);
      var _ = record(batch, batch.corrupted(), recording.ablated, recording.ablatedStreams);
      session.hooks(Map.of());
      recording.cleanLogits = logits(batch, batch.clean());
    }
    spare = recording;
    return keep ? recording.ablatedRun() : recording.ablatedView();
  }

  /**
   * Runs the clean texts of a batch for their logits.
   *
   * @param outputs what ablated edges of each source carry, [rows, d]
   * @param streams the residual streams if all edges are ablated, [rows, d], by {@link #place}
   */
  Ablated recordClean(PairBatch batch, float[][] outputs, float[][] streams) {
    load(batch, null);
    return new Ablated(batch, logits(batch, batch.clean()), outputs, streams);
  }

  /**
   * Runs the texts of a batch without a circuit.
   *
   * @param old a recording that is overwritten and returned, or null
   */
  Recording record(PairBatch batch, @Nullable Recording old) {
    Recording recording = old == null ? new Recording(batch) : old;
    recording.batch = batch;
    load(batch, null);
    recording.corruptedLogits =
        record(batch, batch.corrupted(), recording.ablated, recording.ablatedStreams);
    recording.cleanLogits = record(batch, batch.clean(), recording.clean, recording.cleanStreams);
    if (constants != null) {
      ablate(recording, constants);
    }
    loaded = recording;
    return recording;
  }

  /** Replaces the outputs of the corrupted run by constants. */
  private void ablate(Recording recording, float[][] values) {
    EdgeScorer.repeat(values, recording.batch.rowCount(), recording.ablated);
    BitSet done = new BitSet();
    for (Node.Destination destination : graph.destinations()) {
      int place = place(destination);
      if (!done.get(place)) {
        done.set(place);
        float[] stream = recording.ablatedStreams[place];
        System.arraycopy(recording.cleanStreams[place], 0, stream, 0, length);
        for (int s = 0; s < graph.inputCount(destination); s++) {
          Vectors.addDifference(stream, recording.ablated[s], recording.clean[s]);
        }
      }
    }
  }

  /** Runs the prefixes of a batch, and notes which recording the sequences belong to. */
  private void load(PairBatch batch, @Nullable Recording recording) {
    session.hooks(Map.of());
    List<int[]> prefixes = batch.prefixTokens();
    for (int i = 0; i < batch.size(); i++) {
      sequences.get(i).truncate(0);
    }
    int text = 0;
    int from = 0;
    while (text < batch.size()) {
      session.begin();
      int free = session.limits().tokens();
      while (text < batch.size() && free > 0) {
        int[] prefix = prefixes.get(text);
        for (; from < prefix.length && free > 0; from++, free--) {
          session.add(sequences.get(text), prefix[from], false);
        }
        if (from == prefix.length) {
          text++;
          from = 0;
        }
      }
      if (free < session.limits().tokens()) {
        session.run();
      }
    }
    loaded = recording;
  }

  /** Runs texts after their prefixes and returns the logits that the metric of each reads. */
  private List<MemorySegment> step(PairBatch batch, List<int[]> texts) {
    session.begin();
    int[] read = batch.logits();
    for (int i = 0; i < texts.size(); i++) {
      Sequence sequence = sequences.get(i);
      sequence.truncate(batch.prefix(i));
      int[] tokens = texts.get(i);
      for (int t = 0; t < tokens.length; t++) {
        session.add(sequence, tokens[t], t >= tokens.length - read[i]);
      }
    }
    session.run();
    List<MemorySegment> logits = new ArrayList<>();
    int row = 0;
    for (int count : read) {
      logits.add(LogitRows.of(session, row, count));
      row += count;
    }
    return logits;
  }

  /** Runs texts, keeps outputs and streams and returns the logits that the metric of each reads. */
  private float[][] record(
      PairBatch batch, List<int[]> texts, float[][] written, float[][] streams) {
    Hook keep = rows -> copy(rows, streams[place(rows.point())]);
    Map<HookPoint, Hook> hooks = new HashMap<>();
    for (int l = 0; l < layers; l++) {
      int first = graph.number(new Node.Head(l, 0));
      int mlp = graph.number(new Node.Mlp(l));
      hooks.put(point(HookSite.RESID_PRE, l), keep);
      hooks.put(map.beforeMlp(l), keep);
      hooks.put(
          point(HookSite.Z, l),
          rows -> heads.written(rows.point().layer(), z(rows), h -> true, written, first));
      hooks.put(point(HookSite.MLP_OUT, l), rows -> copy(rows, written[mlp]));
    }
    hooks.put(lastStream(), keep);
    session.hooks(hooks);
    float[][] logits = logits(batch, texts);
    System.arraycopy(streams[0], 0, written[0], 0, length);
    return logits;
  }

  private static MemorySegment z(StepRows rows) {
    return rows.data().asSlice(0, 4L * rows.size() * rows.width());
  }

  private static void copy(StepRows rows, float[] target) {
    MemorySegment.copy(rows.data(), JAVA_FLOAT, 0, target, 0, rows.size() * rows.width());
  }

  private float[][] logits(PairBatch batch, List<int[]> texts) {
    return step(batch, texts).stream().map(row -> row.toArray(JAVA_FLOAT)).toArray(float[][]::new);
  }

  /**
   * Runs a circuit on the clean texts of a recording.
   *
   * @param metrics one for each pair
   * @param elements the elements of each source's output that edges of the circuit carry, or null
   *     for all; others are ablated
   * @return the metric of each pair
   */
  double[] run(
      Recording recording,
      EdgeMask circuit,
      BitSet @Nullable [] elements,
      List<? extends Metric> metrics) {
    PairBatch batch = recording.batch;
    if (loaded != recording) {
      load(batch, recording);
    }
    read = circuit.sources();
    known.clear();
    Arrays.fill(drift, 0);
    var run = new Masked(recording, circuit, elements);
    session.hooks(run.hooks());
    if (read.get(0)) {
      System.arraycopy(recording.clean[0], 0, outputs[0], 0, length);
      run.write(new int[] {0}, 0);
    }
    List<MemorySegment> logits = step(batch, batch.clean());
    return IntStream.range(0, batch.size())
        .mapToDouble(i -> metrics.get(i).of(logits.get(i)))
        .toArray();
  }

  /** Returns the metric of each pair. */
  static double[] metrics(PairBatch batch, float[][] logits) {
    return IntStream.range(0, batch.size())
        .mapToDouble(i -> batch.metrics().get(i).of(MemorySegment.ofArray(logits[i])))
        .toArray();
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

  /** Returns the number of the residual stream that a destination reads. */
  int place(Node.Destination destination) {
    return switch (destination) {
      case Node.HeadInput input -> 2 * input.layer();
      case Node.Mlp mlp -> place(map.beforeMlp(mlp.layer()));
      case Node.Logits ignored -> 2 * layers;
    };
  }

  /** A circuit in a run of a batch. */
  private final class Masked {
    final Recording recording;
    final EdgeMask circuit;
    final BitSet @Nullable [] elements;

    Masked(Recording recording, EdgeMask circuit, BitSet @Nullable [] elements) {
      this.recording = recording;
      this.circuit = circuit;
      this.elements = elements;
    }

    Map<HookPoint, Hook> hooks() {
      Map<HookPoint, Hook> hooks = new HashMap<>();
      for (int l = 0; l < layers; l++) {
        for (HookSite site : Node.HeadInput.sites(map, l)) {
          hooks.put(point(site, l), this::readHeads);
        }
        var mlp = new Node.Mlp(l);
        hooks.put(map.beforeMlp(l), rows -> read(mlp, rows));
        hooks.put(point(HookSite.Z, l), this::writeHeads);
        hooks.put(point(HookSite.MLP_OUT, l), this::writeMlp);
      }
      hooks.put(lastStream(), rows -> read(new Node.Logits(), rows));
      return hooks;
    }

    private void writeHeads(StepRows rows) {
      int layer = rows.point().layer();
      int first = graph.number(new Node.Head(layer, 0));
      int[] wanted =
          IntStream.range(0, map.heads(layer)).filter(h -> read.get(first + h)).toArray();
      heads.written(layer, z(rows), h -> read.get(first + h), outputs, 0);
      write(wanted, first);
    }

    private void writeMlp(StepRows rows) {
      int source = graph.number(new Node.Mlp(rows.point().layer()));
      if (read.get(source)) {
        copy(rows, outputs[0]);
        write(new int[] {0}, source);
      }
    }

    /**
     * Notes outputs of sources: what edges of the circuit add to an ablated input.
     *
     * @param written indices of {@link #outputs}
     * @param first the source of index 0
     */
    private void write(int[] written, int first) {
      tiles(
          recording.batch.rowCount() * d,
          (begin, end) -> {
            for (int i : written) {
              int source = first + i;
              float[] output = outputs[i];
              float[] clean = recording.clean[source];
              for (int j = begin; j < end; j++) {
                drift[j] += output[j] - clean[j];
              }
              minus(differences[source], output, recording.ablated[source], begin, end);
              if (elements != null) {
                mask(differences[source], elements[source], begin, end);
              }
            }
          });
      for (int i : written) {
        known.set(first + i);
      }
    }

    private void mask(float[] difference, BitSet kept, int begin, int end) {
      for (int j = begin; j < end; j++) {
        if (!kept.get(j % d)) {
          difference[j] = 0;
        }
      }
    }

    private void read(Node.Destination destination, StepRows rows) {
      if (destination instanceof Node.Mlp mlp && !read.get(graph.number(mlp))) {
        return;
      }
      BitSet kept = circuit.inputsOf(destination);
      int place = place(rows.point());
      float[] input = inputs(List.of(kept), graph.inputCount(destination), place).getFirst();
      MemorySegment.copy(input, 0, rows.data(), JAVA_FLOAT, 0, rows.size() * d);
    }

    /** Computes the inputs of heads; heads with the same edges share their input. */
    private void readHeads(StepRows rows) {
      HookPoint at = rows.point();
      List<Node.HeadInput> readers = graph.inputs(at.site(), at.layer());
      Map<BitSet, Integer> indices = new HashMap<>();
      List<BitSet> masks = new ArrayList<>();
      var inputOf = new int[readers.size()];
      Arrays.fill(inputOf, -1);
      for (Node.HeadInput reader : readers) {
        boolean needed =
            graph.changed(reader).stream().anyMatch(head -> read.get(graph.number(head)));
        if (needed) {
          inputOf[reader.head()] =
              indices.computeIfAbsent(
                  circuit.inputsOf(reader),
                  kept -> {
                    masks.add(kept);
                    return masks.size() - 1;
                  });
        }
      }
      if (!masks.isEmpty()) {
        int count = graph.inputCount(readers.getFirst());
        heads.project(at, inputs(masks, count, 2 * at.layer()), inputOf, rows);
      }
    }

    /**
     * Returns the inputs of components, each [rows, d], valid until the next call; arrays may be
     * longer.
     *
     * @param masks the sources of the edges that each component keeps
     * @param count the number of sources before them
     * @param place the stream that they read
     */
    private List<float[]> inputs(List<BitSet> masks, int count, int place) {
      while (inputs.size() < masks.size()) {
        inputs.add(new float[length]);
      }
      var few = new boolean[masks.size()];
      var added = new float[masks.size()][][];
      for (int m = 0; m < few.length; m++) {
        BitSet mask = masks.get(m);
        boolean keeps = elements != null || 2 * mask.cardinality() <= count;
        few[m] = keeps;
        added[m] =
            IntStream.range(0, count)
                .filter(s -> keeps == mask.get(s))
                .mapToObj(this::difference)
                .toArray(float[][]::new);
      }
      float[] clean = recording.cleanStreams[place];
      float[] ablated = recording.ablatedStreams[place];
      tiles(
          recording.batch.rowCount() * d,
          (begin, end) -> {
            for (int m = 0; m < few.length; m++) {
              float[] sum = inputs.get(m);
              if (few[m]) {
                System.arraycopy(ablated, begin, sum, begin, end - begin);
                add(sum, added[m], begin, end);
              } else {
                for (int j = begin; j < end; j++) {
                  sum[j] = clean[j] + drift[j];
                }
                subtract(sum, added[m], begin, end);
              }
            }
          });
      return inputs.subList(0, masks.size());
    }

    /** Returns the difference of a source's output, or of its clean one if nothing reads it. */
    private float[] difference(int source) {
      float[] difference = differences[source];
      if (!known.get(source)) {
        known.set(source);
        minus(difference, recording.clean[source], recording.ablated[source], 0, length);
      }
      return difference;
    }
  }

  /** A range of the elements of activations. */
  @FunctionalInterface
  private interface Tile {
    void run(int begin, int end);
  }

  /** Processes all elements, a tile at a time, in several threads. */
  private static void tiles(int elements, Tile tile) {
    IntStream.range(0, Math.ceilDiv(elements, TILE))
        .parallel()
        .forEach(i -> tile.run(i * TILE, Math.min(elements, (i + 1) * TILE)));
  }

  private static void minus(float[] target, float[] a, float[] b, int begin, int end) {
    for (int j = begin; j < end; j++) {
      target[j] = a[j] - b[j];
    }
  }

  /** Adds vectors in their order; four at a time, which saves loads and stores of the sum. */
  private static void add(float[] sum, float[][] x, int begin, int end) {
    int i = 0;
    for (; i + 4 <= x.length; i += 4) {
      float[] a = x[i];
      float[] b = x[i + 1];
      float[] c = x[i + 2];
      float[] e = x[i + 3];
      for (int j = begin; j < end; j++) {
        sum[j] = sum[j] + a[j] + b[j] + c[j] + e[j];
      }
    }
    for (; i < x.length; i++) {
      float[] a = x[i];
      for (int j = begin; j < end; j++) {
        sum[j] += a[j];
      }
    }
  }

  /** Subtracts vectors in their order. */
  private static void subtract(float[] sum, float[][] x, int begin, int end) {
    int i = 0;
    for (; i + 4 <= x.length; i += 4) {
      float[] a = x[i];
      float[] b = x[i + 1];
      float[] c = x[i + 2];
      float[] e = x[i + 3];
      for (int j = begin; j < end; j++) {
        sum[j] = sum[j] - a[j] - b[j] - c[j] - e[j];
      }
    }
    for (; i < x.length; i++) {
      float[] a = x[i];
      for (int j = begin; j < end; j++) {
        sum[j] -= a[j];
      }
    }
  }

  @Override
  public void close() {
    session.close();
    heads.close();
  }
}
