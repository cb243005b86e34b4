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
 * them. Only components whose outputs the circuit reads are computed head by head; others keep
 * their values of the clean run, which nothing reads.
 *
 * <p>Not thread-safe.
 */
final class CircuitBatch implements AutoCloseable {
  /**
   * Elements of all sums that are computed together, so that they stay in the processor's cache.
   */
  private static final int TILE = 1024;

  private final ComponentGraph graph;
  private final HookMap map;
  private final int layers;
  private final int sources;
  private final int d;
  private final HeadParts heads;
  private final LensSession session;
  private final List<Sequence> sequences;

  /** The outputs that ablated edges carry, [source][d]; null for those of the corrupted run. */
  private final float @Nullable [][] constants;

  /** The recording whose prefixes the sequences have. */
  private @Nullable Recording loaded;

  /** The outputs of a run without a circuit so far, by number of the source. */
  private float[][] written = {};

  /** The differences of the outputs that the circuit reads from the ablated ones. */
  private float[][] differences = {};

  /** The sum of the current outputs' differences from the clean run. */
  private float[] drift = {};

  /** Sources that the circuit reads. */
  private BitSet read = new BitSet();

  /** The outputs and inputs of the components in the runs of a batch without circuits. */
  static final class Recording {
    final PairBatch batch;

    /** Outputs [rows, d] by number of the source, of the clean run and of ablated edges. */
    final float[][] clean;

    final float[][] ablated;

    /** Residual streams [rows, d], by {@link #place}. */
    final float[][] cleanStreams;

    final float[][] ablatedStreams;

    /** The logits [positions, V] that each metric reads, of the clean and the corrupted texts. */
    final float[][] cleanLogits;

    final float[][] corruptedLogits;

    private Recording(
        PairBatch batch, Run clean, float[][] ablated, float[][] streams, Run corrupted) {
      this.batch = batch;
      this.clean = clean.written;
      this.cleanStreams = clean.streams;
      this.cleanLogits = clean.logits;
      this.ablated = ablated;
      this.ablatedStreams = streams;
      this.corruptedLogits = corrupted.logits;
    }
  }

  /** A run without a circuit. */
  private static final class Run {
    final float[][] written;
    final float[][] streams;
    final float[][] logits;

    Run(float[][] written, float[][] streams, float[][] logits) {
      this.written = written;
      this.streams = streams;
      this.logits = logits;
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
    int texts = PairBatch.mostPairs(batches);
    this.heads = new HeadParts(lens.model(), rows);
    try {
      var options =
          new SessionOptions(
              PairBatch.positions(batches), rows, texts, PairBatch.mostLogits(batches));
      this.session = lens.open(Capture.NONE, options, editable(lens));
    } catch (Throwable e) {
      heads.close();
      throw e;
    }
    this.sequences = Stream.generate(session::newSequence).limit(texts).toList();
  }

  private static String editable(Lens lens) {
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
      for (PairBatch batch : batches) {
        runs.load(batch, null);
        Run run = runs.record(batch, batch.clean());
        rows += batch.rowCount();
        for (int s = 0; s < sources; s++) {
          for (int i = 0; i < run.written[s].length; i++) {
            sums[s][i % d] += run.written[s][i];
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

  /** Returns the bytes of the recording of a batch, without logits. */
  long bytes(PairBatch batch) {
    return 4L * batch.rowCount() * d * (2L * sources + 2 * (2L * layers + 1));
  }

  /**
   * Runs the texts of a batch, and records the outputs of the clean one only if ablated edges carry
   * constants: enough for {@link MaskedRuns}.
   */
  Recording recordAblated(PairBatch batch) {
    if (constants != null) {
      return record(batch);
    }
    load(batch, null);
    Run corrupted = record(batch, batch.corrupted());
    session.hooks(Map.of());
    var clean = new Run(new float[0][], new float[0][], logits(batch, batch.clean()));
    return new Recording(batch, clean, corrupted.written, corrupted.streams, corrupted);
  }

  /**
   * Runs the clean texts of a batch for their logits.
   *
   * @param ablated what ablated edges of each source carry, [rows, d]
   * @param streams the residual streams if all edges are ablated, [rows, d], by {@link #place}
   */
  Recording recordClean(PairBatch batch, float[][] ablated, float[][] streams) {
    load(batch, null);
    var clean = new Run(new float[0][], new float[0][], logits(batch, batch.clean()));
    return new Recording(batch, clean, ablated, streams, clean);
  }

  /** Runs the texts of a batch without a circuit. */
  Recording record(PairBatch batch) {
    load(batch, null);
    Run corrupted = record(batch, batch.corrupted());
    Run clean = record(batch, batch.clean());
    if (constants == null) {
      var recording = new Recording(batch, clean, corrupted.written, corrupted.streams, corrupted);
      loaded = recording;
      return recording;
    }
    float[][] ablated = EdgeScorer.repeated(constants, batch.rowCount());
    var streams = new float[clean.streams.length][];
    for (Node.Destination destination : graph.destinations()) {
      int place = place(destination);
      if (streams[place] == null) {
        streams[place] = clean.streams[place].clone();
        for (int s = 0; s < graph.inputCount(destination); s++) {
          Vectors.addDifference(streams[place], ablated[s], clean.written[s]);
        }
      }
    }
    var recording = new Recording(batch, clean, ablated, streams, corrupted);
    loaded = recording;
    return recording;
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

  private Run record(PairBatch batch, List<int[]> texts) {
    written = new float[sources][];
    drift = new float[0];
    read.set(0, sources);
    var streams = new float[2 * layers + 1][];
    Hook keep = rows -> streams[place(rows.point())] = rows.toArray();
    Map<HookPoint, Hook> hooks = new HashMap<>();
    for (int l = 0; l < layers; l++) {
      hooks.put(point(HookSite.RESID_PRE, l), keep);
      hooks.put(map.beforeMlp(l), keep);
      hooks.put(point(HookSite.Z, l), rows -> writeHeads(rows, null));
      hooks.put(point(HookSite.MLP_OUT, l), rows -> writeMlp(rows, null));
    }
    hooks.put(lastStream(), keep);
    session.hooks(hooks);
    float[][] logits = logits(batch, texts);
    written[0] = streams[0];
    return new Run(written, streams, logits);
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
    written = new float[0][];
    differences = new float[sources][];
    drift = new float[batch.rowCount() * d];
    var run = new Masked(recording, circuit, elements);
    session.hooks(run.hooks());
    write(run, 0, recording.clean[0]);
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

  private void writeHeads(StepRows rows, @Nullable Masked run) {
    int layer = rows.point().layer();
    int first = graph.number(new Node.Head(layer, 0));
    MemorySegment z = rows.data().asSlice(0, 4L * rows.size() * rows.width());
    float[] @Nullable [] outputs = heads.written(layer, z, h -> read.get(first + h));
    for (int h = 0; h < outputs.length; h++) {
      float[] output = outputs[h];
      if (output != null) {
        write(run, first + h, output);
      }
    }
  }

  private void writeMlp(StepRows rows, @Nullable Masked run) {
    int source = graph.number(new Node.Mlp(rows.point().layer()));
    if (read.get(source)) {
      write(run, source, rows.toArray());
    }
  }

  private void write(@Nullable Masked run, int source, float[] output) {
    if (run == null) {
      written[source] = output;
    } else if (read.get(source)) {
      Vectors.addDifference(drift, output, run.recording.clean[source]);
      differences[source] = run.difference(source, output);
    }
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
        hooks.put(point(HookSite.Z, l), rows -> writeHeads(rows, this));
        hooks.put(point(HookSite.MLP_OUT, l), rows -> writeMlp(rows, this));
      }
      hooks.put(lastStream(), rows -> read(new Node.Logits(), rows));
      return hooks;
    }

    /** Returns what an edge of the circuit adds to an ablated input. */
    float[] difference(int source, float[] output) {
      float[] difference = Vectors.minus(output, recording.ablated[source]);
      if (elements != null) {
        BitSet kept = elements[source];
        for (int i = 0; i < difference.length; i++) {
          if (!kept.get(i % d)) {
            difference[i] = 0;
          }
        }
      }
      return difference;
    }

    private void read(Node.Destination destination, StepRows rows) {
      if (destination instanceof Node.Mlp mlp && !read.get(graph.number(mlp))) {
        return;
      }
      BitSet kept = circuit.inputsOf(destination);
      int place = place(rows.point());
      float[] input = inputs(List.of(kept), graph.inputCount(destination), place).getFirst();
      MemorySegment.copy(input, 0, rows.data(), JAVA_FLOAT, 0, input.length);
    }

    /** Computes the inputs of heads; heads with the same edges share their input. */
    private void readHeads(StepRows rows) {
      HookPoint at = rows.point();
      List<Node.HeadInput> readers = graph.inputs(at.site(), at.layer());
      Map<BitSet, Integer> known = new HashMap<>();
      List<BitSet> masks = new ArrayList<>();
      var inputOf = new int[readers.size()];
      Arrays.fill(inputOf, -1);
      for (Node.HeadInput reader : readers) {
        boolean needed =
            graph.changed(reader).stream().anyMatch(head -> read.get(graph.number(head)));
        if (needed) {
          inputOf[reader.head()] =
              known.computeIfAbsent(
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
     * Returns the inputs of components, each [rows, d].
     *
     * @param masks the sources whose edges each keeps
     * @param count the number of sources before them
     * @param place the stream that they read
     */
    private List<float[]> inputs(List<BitSet> masks, int count, int place) {
      int length = drift.length;
      List<float[]> sums = new ArrayList<>();
      var few = new boolean[masks.size()];
      for (int m = 0; m < few.length; m++) {
        few[m] = elements != null || 2 * masks.get(m).cardinality() <= count;
        sums.add(new float[length]);
      }
      float[] clean = recording.cleanStreams[place];
      float[] ablated = recording.ablatedStreams[place];
      IntStream.range(0, Math.ceilDiv(length, TILE))
          .parallel()
          .forEach(
              tile -> {
                int begin = tile * TILE;
                int end = Math.min(length, begin + TILE);
                for (int m = 0; m < few.length; m++) {
                  float[] sum = sums.get(m);
                  if (few[m]) {
                    System.arraycopy(ablated, begin, sum, begin, end - begin);
                  } else {
                    for (int j = begin; j < end; j++) {
                      sum[j] = clean[j] + drift[j];
                    }
                  }
                }
                for (int s = 0; s < count; s++) {
                  for (int m = 0; m < few.length; m++) {
                    if (few[m] == masks.get(m).get(s)) {
                      add(sums.get(m), s, few[m], begin, end);
                    }
                  }
                }
              });
      return sums;
    }

    /** Adds the difference of a source, or subtracts it. */
    private void add(float[] sum, int source, boolean plus, int begin, int end) {
      float[] difference = differences[source];
      if (plus) {
        for (int j = begin; j < end; j++) {
          sum[j] += difference[j];
        }
      } else if (difference != null) {
        for (int j = begin; j < end; j++) {
          sum[j] -= difference[j];
        }
      } else {
        // Nothing reads the source, whose output is that of the clean run.
        float[] own = recording.clean[source];
        float[] other = recording.ablated[source];
        for (int j = begin; j < end; j++) {
          sum[j] += other[j] - own[j];
        }
      }
    }
  }

  @Override
  public void close() {
    session.close();
    heads.close();
  }
}
