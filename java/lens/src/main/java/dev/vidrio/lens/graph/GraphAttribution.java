package dev.vidrio.lens.graph;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Computes an {@link AttributionGraph}: a forward pass of the text, then a backward pass for each
 * target, the most influential ones first.
 */
final class GraphAttribution implements AutoCloseable {
  /** Backward passes between two rankings of features. */
  private static final int PASSES = 4;

  private final Lens lens;
  private final int[] tokens;
  private final GraphOptions options;
  private final @Nullable DifferentiableMetric metric;
  private final GraphPass pass;

  /**
   * Opens a pass.
   *
   * @param arena is open until the pass is closed
   * @param metric of the logits after the text, or null for the logits of the likeliest tokens
   */
  GraphAttribution(
      Arena arena,
      Lens lens,
      int[] tokens,
      GraphFeatures features,
      GraphOptions options,
      @Nullable DifferentiableMetric metric) {
    this.lens = lens;
    this.tokens = tokens.clone();
    this.options = options;
    this.metric = metric;
    boolean single = metric == null || metric.positions() == 1;
    Preconditions.require(single, "metric", "", "must read the logits of one position");
    this.pass = new GraphPass(arena, lens, tokens, features, _ -> Set.of());
  }

  /**
   * Computes the graph.
   *
   * @param progress receives the number of features with attributed inputs
   */
  AttributionGraph run(IntConsumer progress) {
    pass.forward();
    List<GraphPass.Target> logitTargets = new ArrayList<>();
    List<GraphNode> logits = new ArrayList<>();
    DifferentiableMetric asked = metric;
    if (asked == null) {
      likeliest(logitTargets, logits);
    } else {
      GraphPass.Target target = target(asked);
      logitTargets.add(target);
      logits.add(logit(GraphNode.Kind.METRIC, target, -1, 1));
    }
    List<GraphRow> logitRows = pass.rows(logitTargets);
    NavigableMap<Integer, GraphRow> rows = new TreeMap<>();
    while (rows.size() < options.features()) {
      List<Integer> next = mostInfluential(logits, logitRows, rows);
      if (next.isEmpty()) {
        break;
      }
      List<GraphRow> found = pass.rows(next.stream().map(pass::target).toList());
      for (int i = 0; i < found.size(); i++) {
        rows.put(next.get(i), found.get(i));
      }
      progress.accept(rows.size());
    }
    return graph(logits, logitRows, rows);
  }

  /** Returns the likeliest tokens, the likeliest first. */
  private int[] predicted(float[] logits, double[] logProbabilities) {
    int[] likeliest = Vectors.largest(logits, Math.min(options.logits(), logits.length));
    int count = 0;
    double sum = 0;
    while (count < likeliest.length && sum < options.probability()) {
      sum += Math.exp(logProbabilities[likeliest[count++]]);
    }
    return Arrays.copyOf(likeliest, count);
  }

  /** Returns targets for the differences between the logits of tokens and the mean logit. */
  private List<GraphPass.Target> logitTargets(int[] predicted) {
    var factors = new float[predicted.length][pass.product().y().width()];
    for (int i = 0; i < factors.length; i++) {
      Arrays.fill(factors[i], -1f / factors[i].length);
      factors[i][predicted[i]] += 1;
    }
    int end = pass.end();
    return Arrays.stream(
            RowGradient.combinations(lens.model().executor(), pass.product().weights(), factors))
        .map(vector -> new GraphPass.Target(end, pass.last(), tokens.length - 1, vector, 0))
        .toList();
  }

  /** Adds targets and nodes for the logits of the likeliest tokens. */
  private void likeliest(List<GraphPass.Target> targets, List<GraphNode> nodes) {
    float[] row = lens.row(tokens, HookPoint.of(HookSite.LOGITS), tokens.length - 1);
    double[] logProbabilities = Vectors.logProbabilities(row);
    int[] predicted = predicted(row, logProbabilities);
    targets.addAll(logitTargets(predicted));
    for (int i = 0; i < predicted.length; i++) {
      double probability = Math.exp(logProbabilities[predicted[i]]);
      nodes.add(logit(GraphNode.Kind.LOGIT, targets.get(i), predicted[i], probability));
    }
  }

  /** Returns a target for a metric: its gradient with respect to the last activation. */
  private GraphPass.Target target(DifferentiableMetric of) {
    var x = new Buffer("x", Rows.TOKENS, pass.last().width());
    List<Op> ops = new ArrayList<>(pass.unembedding());
    ops.addFirst(new Op.Gather(x, pass.last()));
    float[] value = pass.lastRow();
    Buffer nextLogits = pass.nextLogits();
    var seed = new float[pass.last().width()];
    try (var gradient =
        new RowGradient(
            lens.model().executor(), ops, new KvShape(1, 1, 1), x, List.of(nextLogits), 1)) {
      MemorySegment slopes = gradient.seed(nextLogits);
      gradient.run(
          1,
          (_, row) -> MemorySegment.copy(value, 0, row, JAVA_FLOAT, 0, value.length),
          _ -> {
            slopes.fill((byte) 0);
            of.of(gradient.output(nextLogits), slopes);
          },
          (_, row) -> MemorySegment.copy(row, JAVA_FLOAT, 0, seed, 0, seed.length));
    }
    return new GraphPass.Target(pass.end(), pass.last(), tokens.length - 1, seed, 0);
  }

  private GraphNode logit(
      GraphNode.Kind kind, GraphPass.Target target, int token, double probability) {
    double value = Vectors.dot(target.seed, pass.lastRow());
    int end = pass.end();
    return new GraphNode(kind, end, tokens.length - 1, token, value, probability);
  }

  /** Returns the most influential features that are not in the rows yet. */
  private List<Integer> mostInfluential(
      List<GraphNode> logits, List<GraphRow> logitRows, NavigableMap<Integer, GraphRow> rows) {
    var influence = new double[pass.sources()];
    for (int i = 0; i < logitRows.size(); i++) {
      spread(logitRows.get(i), logits.get(i).probability(), influence);
    }
    rows.descendingMap().forEach((feature, row) -> spread(row, influence[feature], influence));
    var ranked = new float[pass.features()];
    for (int f = 0; f < pass.features(); f++) {
      boolean attributed = influence[f] == 0 || rows.containsKey(f);
      ranked[f] =
          attributed || pass.source(f).position() < options.from() ? 0 : (float) influence[f];
    }
    int count = Math.min(PASSES * pass.copies(), options.features() - rows.size());
    return Arrays.stream(Vectors.largest(ranked, Math.min(count, pass.features())))
        .filter(f -> ranked[f] > 0)
        .boxed()
        .toList();
  }

  /** Distributes a target's influence over its sources, by their shares of all effects. */
  private static void spread(GraphRow row, double influence, double[] all) {
    for (int i = 0; row.total > 0 && i < row.sources.length; i++) {
      all[row.sources[i]] += influence * Math.abs(row.effects[i]) / row.total;
    }
  }

  private AttributionGraph graph(
      List<GraphNode> logits, List<GraphRow> logitRows, NavigableMap<Integer, GraphRow> rows) {
    List<GraphNode> nodes = new ArrayList<>();
    List<Integer> sources = new ArrayList<>(rows.keySet());
    for (int i = pass.features(); i < pass.sources(); i++) {
      GraphNode source = pass.source(i);
      if (source.kind() == GraphNode.Kind.TOKEN || source.position() >= options.from()) {
        sources.add(i);
      }
    }
    sources.forEach(source -> nodes.add(pass.source(source)));
    nodes.addAll(logits);
    List<GraphRow> targets = new ArrayList<>(rows.values());
    targets.addAll(logitRows);
    return new AttributionGraph(
        pass.end(), tokens, pass.features(), nodes, rows.size(), sources, targets);
  }

  @Override
  public void close() {
    pass.close();
  }
}
