package dev.vidrio.lens.circuit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.circuit.ScrubTree.Branch;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.memory.LogitRows;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Runs the texts of a data set, and a hypothesis on values of them.
 *
 * <p>A component of a claim with inputs reads the residual stream of a random text in which the
 * outputs of the claims that it reads are exchanged. The passes of a text are sequences of one
 * step, so that a claim may read what other passes compute.
 *
 * <p>Not thread-safe.
 */
final class ScrubSession implements AutoCloseable {
  /** Rows per step, unless the passes of a text have more. */
  private static final int ROWS = 96;

  private final ComponentGraph graph;
  private final ScrubTree tree;
  private final List<ScrubText> texts;
  private final HookMap map;
  private final int layers;
  private final int d;
  private final HeadParts heads;
  private final LensSession session;
  private final List<Sequence> sequences;
  private final ScrubRecordings recordings;

  /** The branches that each destination is computed for. */
  private final Map<Node.Destination, List<Branch>> readers = new LinkedHashMap<>();

  /** The claims that each component is part of, with its index there. */
  private final Map<Node.Source, Map<String, Integer>> claims = new LinkedHashMap<>();

  /** Inputs of components, [rows · d] each. */
  private final List<float[]> inputs = new ArrayList<>();

  /** The outputs of a layer's heads, or of another component, [rows · d] each. */
  private final float[][] outputs;

  /** The outputs of each branch's components, [branch][member][rows · d]. */
  private final float[][][] written;

  /** Opens a session, and runs all texts. */
  ScrubSession(Lens lens, ComponentGraph graph, ScrubTree tree, List<ScrubText> texts) {
    this.graph = graph;
    this.tree = tree;
    this.texts = texts;
    this.map = HookMap.of(lens.model());
    this.layers = lens.model().architecture().layers();
    this.d = graph.width();
    for (Branch branch : tree.branches()) {
      branch.readers.forEach(
          (to, children) -> readers.computeIfAbsent(to, key -> new ArrayList<>()).add(branch));
      for (int m = 0; m < branch.members.size(); m++) {
        claims
            .computeIfAbsent(branch.members.get(m), key -> new HashMap<>())
            .put(branch.claim(), m);
      }
    }
    List<HookPoint> points = readers.keySet().stream().map(this::stream).distinct().toList();
    this.recordings = new ScrubRecordings(tree.terms(), points, texts.size(), layers);
    int longest = texts.stream().mapToInt(ScrubText::length).max().orElse(1);
    int shortest = texts.stream().mapToInt(ScrubText::length).min().orElse(1);
    int positions = texts.stream().mapToInt(text -> text.metric().positions()).max().orElse(1);
    int rows = Math.max(ROWS, Math.multiplyExact(tree.passes(), longest));
    int length = Math.multiplyExact(rows, d);
    int most = IntStream.range(0, layers).map(map::heads).max().orElse(1);
    this.outputs = new float[most][length];
    this.written =
        tree.branches().stream()
            .map(branch -> new float[branch.leaf ? 0 : branch.members.size()][length])
            .toArray(float[][][]::new);
    this.heads = new HeadParts(lens.model(), rows);
    int together = Math.max(tree.passes(), rows / shortest);
    int logits = Math.min(rows, Math.multiplyExact(together, positions));
    try {
      var options = SessionOptions.exact(longest, rows, together, logits);
      this.session = lens.open(Capture.NONE, options, CircuitBatch.editable(lens));
    } catch (Throwable e) {
      heads.close();
      throw e;
    }
    this.sequences = Stream.generate(session::newSequence).limit(together).toList();
    try {
      record();
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private static HookPoint point(HookSite site, int layer) {
    return new HookPoint(site, layer);
  }

  /** Returns the residual stream that a destination reads. */
  private HookPoint stream(Node.Destination destination) {
    return switch (destination) {
      case Node.HeadInput input -> point(HookSite.RESID_PRE, input.layer());
      case Node.Mlp mlp -> map.beforeMlp(mlp.layer());
      case Node.Logits ignored -> point(HookSite.RESID_POST, layers - 1);
    };
  }

  /** Returns the rows of a step for texts of a number of tokens, each in all passes. */
  int together(int length) {
    return Math.max(1, session.limits().tokens() / (tree.passes() * length));
  }

  /** Returns the logits that each text's metric reads, [text][positions, V]. */
  float[][] logits() {
    return recordings.logits;
  }

  /** The texts of a step, and the first row of each. */
  private static final class Texts {
    final int[] numbers;
    final int[] rows;

    Texts(int[] numbers, int[] rows) {
      this.numbers = numbers;
      this.rows = rows;
    }
  }

  private void record() {
    int first = 0;
    while (first < texts.size()) {
      int end = first;
      int rows = 0;
      while (end < texts.size()
          && end - first < sequences.size()
          && rows + texts.get(end).length() <= session.limits().tokens()) {
        rows += texts.get(end++).length();
      }
      record(IntStream.range(first, end).toArray());
      first = end;
    }
  }

  private void record(int[] numbers) {
    var rows = new int[numbers.length];
    for (int i = 1; i < rows.length; i++) {
      rows[i] = rows[i - 1] + texts.get(numbers[i - 1]).length();
    }
    var step = new Texts(numbers, rows);
    Map<HookPoint, Hook> hooks = new HashMap<>();
    recordings.streams.forEach((point, kept) -> hooks.put(point, all -> keep(step, all, kept)));
    for (int l = 0; l < layers; l++) {
      int layer = l;
      if (claims.keySet().stream().anyMatch(s -> s instanceof Node.Head h && h.layer() == layer)) {
        hooks.put(point(HookSite.Z, l), all -> recordHeads(step, all));
      }
      if (claims.containsKey(new Node.Mlp(l))) {
        hooks.put(point(HookSite.MLP_OUT, l), all -> recordOutput(step, new Node.Mlp(layer), all));
      }
    }
    if (claims.containsKey(new Node.Embedding())) {
      HookPoint begin = point(HookSite.RESID_PRE, 0);
      Hook keep = hooks.get(begin);
      hooks.put(
          begin,
          all -> {
            recordOutput(step, new Node.Embedding(), all);
            if (keep != null) {
              keep.at(all);
            }
          });
    }
    session.hooks(hooks);
    session.begin();
    for (int i = 0; i < numbers.length; i++) {
      add(sequences.get(i), texts.get(numbers[i]), true);
    }
    session.run();
    int row = 0;
    for (int number : numbers) {
      int positions = texts.get(number).metric().positions();
      recordings.logits[number] = LogitRows.of(session, row, positions).toArray(JAVA_FLOAT);
      row += positions;
    }
  }

  /** Adds a text to the step. */
  private void add(Sequence sequence, ScrubText text, boolean measured) {
    sequence.truncate(0);
    int first = measured ? text.length() - text.metric().positions() : text.length();
    for (int i = 0; i < text.length(); i++) {
      session.add(sequence, text.token(i), i >= first);
    }
  }

  private void keep(Texts step, StepRows rows, float[][] kept) {
    for (int i = 0; i < step.numbers.length; i++) {
      int number = step.numbers[i];
      int width = rows.width();
      var values = new float[texts.get(number).length() * width];
      long from = 4L * step.rows[i] * width;
      MemorySegment.copy(rows.data(), JAVA_FLOAT, from, values, 0, values.length);
      kept[number] = values;
    }
  }

  private void recordHeads(Texts step, StepRows rows) {
    int layer = rows.point().layer();
    if (computesDivided(layer)) {
      keep(step, rows, recordings.z[layer]);
    }
    heads.written(layer, z(rows), h -> claims.containsKey(new Node.Head(layer, h)), outputs, 0);
    for (int h = 0; h < map.heads(layer); h++) {
      add(step, new Node.Head(layer, h), outputs[h]);
    }
  }

  private void recordOutput(Texts step, Node.Source source, StepRows rows) {
    MemorySegment.copy(rows.data(), JAVA_FLOAT, 0, outputs[0], 0, rows.size() * d);
    add(step, source, outputs[0]);
  }

  /** Adds the output of a component to the sums of its claims. */
  private void add(Texts step, Node.Source source, float[] output) {
    claims
        .getOrDefault(source, Map.of())
        .forEach(
            (claim, member) -> {
              for (int i = 0; i < step.numbers.length; i++) {
                int elements = texts.get(step.numbers[i]).length() * d;
                recordings.add(claim, member, step.numbers[i], output, step.rows[i] * d, elements);
              }
            });
  }

  /** Returns whether heads of a layer are computed and a norm divides their sum. */
  private boolean computesDivided(int layer) {
    return graph.isDivided(layer) && !computed(layer).isEmpty();
  }

  /** Returns the branches with heads of a layer that are computed from other claims. */
  private List<Branch> computed(int layer) {
    return tree.branches().stream()
        .filter(branch -> !branch.leaf)
        .filter(
            branch ->
                branch.members.stream()
                    .anyMatch(m -> m instanceof Node.Head h && h.layer() == layer))
        .toList();
  }

  private static MemorySegment z(StepRows rows) {
    return rows.data().asSlice(0, 4L * rows.size() * rows.width());
  }

  /**
   * Runs the hypothesis for texts of equal length and positions of their metrics, at most {@link
   * #together} ones.
   *
   * @param draws the texts that each is computed from
   * @return the metric of each
   */
  double[] run(int[] numbers, List<ScrubDraw> draws) {
    int n = texts.get(numbers[0]).length();
    var scrubbed = new Scrubbed(n, draws);
    session.hooks(scrubbed.hooks());
    session.begin();
    for (int r = 0; r < numbers.length; r++) {
      for (int p = 0; p < tree.passes(); p++) {
        add(sequences.get(r * tree.passes() + p), texts.get(numbers[r]), p == 0);
      }
    }
    session.run();
    var values = new double[numbers.length];
    for (int r = 0; r < values.length; r++) {
      var metric = texts.get(numbers[r]).metric();
      values[r] = metric.of(LogitRows.of(session, r * metric.positions(), metric.positions()));
    }
    return values;
  }

  /** A step of the hypothesis. */
  private final class Scrubbed {
    final int n;
    final List<ScrubDraw> draws;

    Scrubbed(int n, List<ScrubDraw> draws) {
      this.n = n;
      this.draws = draws;
    }

    Map<HookPoint, Hook> hooks() {
      Map<HookPoint, Hook> hooks = new HashMap<>();
      readers.forEach(
          (to, branches) -> {
            switch (to) {
              case Node.HeadInput input -> {
                hooks.put(point(input.site(), input.layer()), this::readHeads);
                hooks.put(point(HookSite.Z, input.layer()), this::writeHeads);
              }
              case Node.Mlp mlp -> {
                hooks.put(stream(to), rows -> read(to, branches, rows));
                hooks.put(
                    point(HookSite.MLP_OUT, mlp.layer()), rows -> writeMlp(mlp, branches, rows));
              }
              case Node.Logits ignored -> hooks.put(stream(to), rows -> read(to, branches, rows));
            }
          });
      return hooks;
    }

    /** Returns the first element of a text's values in the pass of a branch. */
    private int from(int text, Branch branch) {
      return (text * tree.passes() + branch.pass) * n * d;
    }

    private void readHeads(StepRows rows) {
      HookPoint at = rows.point();
      List<Node.HeadInput> all = graph.inputs(at.site(), at.layer());
      var inputOf = new int[all.size()];
      Arrays.fill(inputOf, -1);
      int used = 0;
      for (Node.HeadInput to : all) {
        List<Branch> branches = readers.getOrDefault(to, List.of());
        if (!branches.isEmpty()) {
          float[] input = input(used);
          branches.forEach(branch -> fill(branch, to, input));
          inputOf[to.head()] = used++;
        }
      }
      heads.project(at, inputs.subList(0, used), inputOf, rows);
    }

    private void read(Node.Destination to, List<Branch> branches, StepRows rows) {
      float[] input = input(0);
      for (Branch branch : branches) {
        fill(branch, to, input);
        for (int r = 0; r < draws.size(); r++) {
          int from = from(r, branch);
          MemorySegment.copy(input, from, rows.data(), JAVA_FLOAT, 4L * from, n * d);
        }
      }
    }

    private float[] input(int index) {
      while (inputs.size() <= index) {
        inputs.add(new float[outputs[0].length]);
      }
      return inputs.get(index);
    }

    /** Writes the input of a branch at a destination into its rows. */
    private void fill(Branch branch, Node.Destination to, float[] input) {
      float[][] streams = Objects.requireNonNull(recordings.streams.get(stream(to)));
      for (int r = 0; r < draws.size(); r++) {
        int random = draws.get(r).random[branch.index];
        System.arraycopy(streams[random], 0, input, from(r, branch), n * d);
      }
      for (Branch child : branch.readers.getOrDefault(to, List.of())) {
        float[][] sums = recordings.sums[tree.termOf(child, to)];
        int count = tree.count(child, to);
        for (int r = 0; r < draws.size(); r++) {
          ScrubDraw draw = draws.get(r);
          float[] own =
              child.leaf ? sums[draw.agreeing[child.index]] : sum(child, count, from(r, child));
          exchange(child, input, from(r, branch), sums[draw.random[branch.index]], own);
        }
      }
    }

    /** Exchanges the outputs of a claim in an input, at the positions where they matter. */
    private void exchange(Branch claim, float[] input, int from, float[] old, float[] other) {
      for (int i = 0; i < n; i++) {
        if (claim.isAt(i, n)) {
          for (int j = i * d; j < (i + 1) * d; j++) {
            input[from + j] += other[j] - old[j];
          }
        }
      }
    }

    /** Returns the sum of the outputs of a branch's first components, [n · d]. */
    private float[] sum(Branch branch, int count, int from) {
      float[] sum = Arrays.copyOfRange(written[branch.index][0], from, from + n * d);
      for (int m = 1; m < count; m++) {
        float[] output = written[branch.index][m];
        for (int j = 0; j < sum.length; j++) {
          sum[j] += output[from + j];
        }
      }
      return sum;
    }

    private void writeHeads(StepRows rows) {
      int layer = rows.point().layer();
      List<Branch> branches = computed(layer);
      if (computesDivided(layer)) {
        branches.forEach(branch -> fillOthers(branch, rows));
      }
      var wanted = new BitSet();
      for (Branch branch : branches) {
        branch.members.stream()
            .filter(m -> m instanceof Node.Head h && h.layer() == layer)
            .forEach(m -> wanted.set(((Node.Head) m).head()));
      }
      heads.written(layer, z(rows), wanted::get, outputs, 0);
      for (Branch branch : branches) {
        for (int m = 0; m < branch.members.size(); m++) {
          if (branch.members.get(m) instanceof Node.Head head && head.layer() == layer) {
            write(branch, m, outputs[head.head()]);
          }
        }
      }
    }

    /** Gives the heads that a branch does not compute their values of its random texts. */
    private void fillOthers(Branch branch, StepRows rows) {
      int layer = rows.point().layer();
      int width = rows.width() / map.heads(layer);
      for (int h = 0; h < map.heads(layer); h++) {
        if (branch.members.contains(new Node.Head(layer, h))) {
          continue;
        }
        for (int r = 0; r < draws.size(); r++) {
          float[] z = recordings.z[layer][draws.get(r).random[branch.index]];
          for (int i = 0; i < n; i++) {
            MemorySegment row = rows.row(from(r, branch) / d + i);
            int own = i * rows.width() + h * width;
            MemorySegment.copy(z, own, row, JAVA_FLOAT, 4L * h * width, width);
          }
        }
      }
    }

    private void writeMlp(Node.Mlp mlp, List<Branch> branches, StepRows rows) {
      MemorySegment.copy(rows.data(), JAVA_FLOAT, 0, outputs[0], 0, rows.size() * d);
      branches.forEach(branch -> write(branch, branch.members.indexOf(mlp), outputs[0]));
    }

    /** Keeps the output of a component in the rows of a branch. */
    private void write(Branch branch, int member, float[] output) {
      for (int r = 0; r < draws.size(); r++) {
        int from = from(r, branch);
        System.arraycopy(output, from, written[branch.index][member], from, n * d);
      }
    }
  }

  @Override
  public void close() {
    session.close();
    heads.close();
  }
}
