package dev.vidrio.lens.graph;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.partial.RowGradient;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.resolve.ProducerIndex;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Computes an {@link AttributionGraph}: a forward pass of the text, then a backward pass for each
 * target, the most influential ones first.
 */
final class GraphAttribution implements AutoCloseable {
  /** Tokens of all copies of a text. */
  private static final int ROWS = 512;

  private static final int MAX_COPIES = 64;

  /** Backward passes between two rankings of features. */
  private static final int PASSES = 4;

  private final Lens lens;
  private final Model model;
  private final int[] tokens;
  private final GraphOptions options;
  private final @Nullable DifferentiableMetric metric;
  private final HookMap hooks;
  private final List<FeatureLayer> layers;
  private final Op.MatMul product;

  /** The operations from {@link #last} to the logits. */
  private final List<Op> unembedding;

  private final Buffer nextLogits;
  private final Buffer last;
  private final Buffer stream;
  private final List<Bias> biases;
  private final FrozenPass pass;

  /** The number of the first feature of each layer. */
  private int[] firsts = {};

  private int features;
  private List<FeatureLayer> withErrors = List.of();

  /** The embeddings, [n][d]. */
  private float[][] embeddings = {};

  /** A constant vector that an operation adds to each row of y. */
  private static final class Bias {
    final Buffer y;
    final float[] vector;

    Bias(Buffer y, Weights weights) {
      this.y = y;
      this.vector = weights.data().toArray(JAVA_FLOAT);
    }
  }

  /** A node whose inputs are attributed. */
  private static final class Target {
    final int layer;
    final Buffer read;
    final int position;

    /** The gradient of its value with respect to a row of {@link #read}. */
    final float[] seed;

    final double constant;

    Target(int layer, Buffer read, int position, float[] seed, double constant) {
      this.layer = layer;
      this.read = read;
      this.position = position;
      this.seed = seed;
      this.constant = constant;
    }
  }

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
    this.model = lens.model();
    this.tokens = tokens.clone();
    this.options = options;
    this.metric = metric;
    boolean single = metric == null || metric.positions() == 1;
    Preconditions.require(single, "metric", "", "must read the logits of one position");
    Preconditions.require(!lens.isAdapted(), "adapter", "", "has no gradients");
    lens.requireUnedited("attribution graphs");
    Preconditions.requireOneStream(model, "attribution graph");
    Preconditions.requireTokens(model, tokens);
    for (int token : tokens) {
      Preconditions.requireToken(model, token);
    }
    int count = model.architecture().layers();
    Plan whole = model.architecture().plan(tokens.length);
    this.hooks = new HookMap(whole, count);
    this.stream = hooks.stream(0);
    this.product = lastProduct(whole.ops());
    var writers = new ProducerIndex();
    whole.ops().forEach(writers::add);
    Op reader = writers.get(product.x()) instanceof Op.Quantize quantize ? quantize : product;
    this.last = reader instanceof Op.Quantize quantize ? quantize.x() : (Buffer) product.x();
    this.unembedding = whole.ops().subList(whole.ops().indexOf(reader), whole.ops().size());
    this.nextLogits = whole.buffer(HookSite.LOGITS.suffix());
    this.layers = List.copyOf(new FeatureLayers(lens, hooks, arena).of(features));
    Set<Buffer> seeded = new HashSet<>(Set.of(last));
    Set<Buffer> wanted = new HashSet<>(Set.of(stream));
    Set<Buffer> constants = new HashSet<>();
    Set<Buffer> kept = new HashSet<>(Set.of(last, stream));
    for (FeatureLayer layer : layers) {
      constants.add(layer.blocked());
      wanted.add(layer.written);
      kept.add(layer.written);
      kept.add(layer.read);
      seeded.add(layer.read);
    }
    Plan forward = new Plan(forward(whole.ops()), whole.kv(), kept);
    Set<Buffer> reached = FrozenPass.reached(forward, seeded, wanted, constants);
    reached.removeAll(wanted);
    this.biases = biases(forward.ops(), reached);
    biases.forEach(bias -> wanted.add(bias.y));
    int copies = Math.clamp(ROWS / tokens.length, 1, MAX_COPIES);
    this.pass = new FrozenPass(model, forward, seeded, wanted, constants, tokens.length, copies);
  }

  private static Op.MatMul lastProduct(List<Op> ops) {
    return (Op.MatMul)
        ops.reversed().stream().filter(Op.MatMul.class::isInstance).findFirst().orElseThrow();
  }

  /** Returns the operations up to the unembedding, with those that layers insert. */
  private List<Op> forward(List<Op> all) {
    List<Op> ops = all.subList(0, all.indexOf(product));
    for (FeatureLayer layer : layers) {
      ops = layer.insert(ops);
    }
    return ops;
  }

  /** Returns the constant vectors that are added to activations that gradients reach. */
  private static List<Bias> biases(List<Op> ops, Set<Buffer> reached) {
    List<Bias> found = new ArrayList<>();
    for (Op op : ops) {
      switch (op) {
        case Op.AddBias add when reached.contains(add.y()) ->
            found.add(new Bias(add.y(), add.bias()));
        case Op.Norm norm when norm.bias() != null && reached.contains(norm.y()) ->
            found.add(new Bias(norm.y(), norm.bias()));
        default -> {}
      }
    }
    return found;
  }

  /**
   * Computes the graph.
   *
   * @param progress receives the number of features whose inputs have been attributed
   */
  AttributionGraph run(IntConsumer progress) {
    pass.forward(tokens);
    embeddings = pass.values(stream);
    firsts = new int[layers.size()];
    features = 0;
    for (int i = 0; i < firsts.length; i++) {
      layers.get(i).find(pass);
      firsts[i] = features;
      features = Math.addExact(features, layers.get(i).count());
    }
    withErrors = layers.stream().filter(layer -> layer.errors() != null).toList();
    List<Target> logitTargets = new ArrayList<>();
    List<GraphNode> logits = new ArrayList<>();
    DifferentiableMetric asked = metric;
    if (asked == null) {
      likeliest(logitTargets, logits);
    } else {
      Target target = target(asked);
      logitTargets.add(target);
      logits.add(logit(GraphNode.Kind.METRIC, target, -1, 1));
    }
    List<GraphRow> logitRows = rows(logitTargets);
    NavigableMap<Integer, GraphRow> rows = new TreeMap<>();
    while (rows.size() < options.features()) {
      List<Integer> next = mostInfluential(logits, logitRows, rows);
      if (next.isEmpty()) {
        break;
      }
      List<GraphRow> found = rows(next.stream().map(this::target).toList());
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
  private List<Target> logitTargets(int[] predicted) {
    var factors = new float[predicted.length][product.y().width()];
    for (int i = 0; i < factors.length; i++) {
      Arrays.fill(factors[i], -1f / factors[i].length);
      factors[i][predicted[i]] += 1;
    }
    int end = model.architecture().layers();
    return Arrays.stream(RowGradient.combinations(model.executor(), product.weights(), factors))
        .map(vector -> new Target(end, last, tokens.length - 1, vector, 0))
        .toList();
  }

  /** Adds targets and nodes for the logits of the likeliest tokens. */
  private void likeliest(List<Target> targets, List<GraphNode> nodes) {
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
  private Target target(DifferentiableMetric of) {
    var x = new Buffer("x", Rows.TOKENS, last.width());
    List<Op> ops = new ArrayList<>(unembedding);
    ops.addFirst(new Op.Gather(x, last));
    float[] value = pass.values(last)[0];
    var seed = new float[last.width()];
    try (var gradient =
        new RowGradient(model.executor(), ops, new KvShape(1, 1, 1), x, List.of(nextLogits), 1)) {
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
    return new Target(model.architecture().layers(), last, tokens.length - 1, seed, 0);
  }

  private GraphNode logit(GraphNode.Kind kind, Target target, int token, double probability) {
    double value = Vectors.dot(target.seed, pass.values(last)[0]);
    int end = model.architecture().layers();
    return new GraphNode(kind, end, tokens.length - 1, token, value, probability);
  }

  private int layerOf(int feature) {
    int at = Arrays.binarySearch(firsts, feature);
    int i = at < 0 ? -at - 2 : at;
    // Layers without active features begin where the next one does.
    while (layers.get(i).count() == 0 || feature >= firsts[i] + layers.get(i).count()) {
      i++;
    }
    return i;
  }

  private GraphNode node(int feature) {
    int i = layerOf(feature);
    return layers.get(i).node(feature - firsts[i]);
  }

  private Target target(int feature) {
    int i = layerOf(feature);
    FeatureLayer layer = layers.get(i);
    int f = feature - firsts[i];
    return new Target(
        layer.layer, layer.read, layer.node(f).position(), layer.seed(f), layer.constant(f));
  }

  private List<GraphRow> rows(List<Target> targets) {
    var rows = new GraphRow[targets.size()];
    for (int begin = 0; begin < rows.length; begin += pass.copies()) {
      int first = begin;
      int count = Math.min(pass.copies(), rows.length - begin);
      pass.clear();
      for (int copy = 0; copy < count; copy++) {
        Target target = targets.get(begin + copy);
        pass.seed(copy, target.read, target.position, target.seed);
      }
      pass.backward();
      IntStream.range(0, count)
          .parallel()
          .forEach(copy -> rows[first + copy] = row(targets.get(first + copy), copy));
    }
    return List.of(rows);
  }

  private GraphRow row(Target target, int copy) {
    int n = tokens.length;
    var all = new float[sources()];
    double constant = target.constant;
    for (int i = 0; i < firsts.length; i++) {
      FeatureLayer layer = layers.get(i);
      if (layer.layer < target.layer) {
        float[][] gradient = pass.gradient(layer.written, copy);
        for (int from = 0; from <= i; from++) {
          layers.get(from).addEffects(layer.layer, gradient, all, firsts[from]);
        }
        float @Nullable [][] errors = layer.errors();
        float @Nullable [] bias = layer.bias();
        int first = features + withErrors.indexOf(layer) * n;
        for (int j = 0; j < n; j++) {
          constant += bias == null ? 0 : Vectors.dot(bias, gradient[j]);
          if (errors != null) {
            all[first + j] = (float) Vectors.dot(errors[j], gradient[j]);
          }
        }
      }
    }
    float[][] gradient = pass.gradient(stream, copy);
    int first = features + withErrors.size() * n;
    for (int j = 0; j < n; j++) {
      all[first + j] = (float) Vectors.dot(embeddings[j], gradient[j]);
    }
    for (Bias bias : biases) {
      constant += constant(bias, pass.gradient(bias.y, copy));
    }
    return GraphRow.of(all, constant);
  }

  private static double constant(Bias bias, float[][] gradient) {
    double sum = 0;
    for (float[] row : gradient) {
      for (int j = 0; j < row.length; j++) {
        sum += (double) row[j] * bias.vector[j % bias.vector.length];
      }
    }
    return sum;
  }

  /** Returns the number of nodes that have effects: features, errors and tokens. */
  private int sources() {
    return features + (withErrors.size() + 1) * tokens.length;
  }

  /** Returns the most influential features that are not in the rows yet. */
  private List<Integer> mostInfluential(
      List<GraphNode> logits, List<GraphRow> logitRows, NavigableMap<Integer, GraphRow> rows) {
    var influence = new double[sources()];
    for (int i = 0; i < logitRows.size(); i++) {
      spread(logitRows.get(i), logits.get(i).probability(), influence);
    }
    rows.descendingMap().forEach((feature, row) -> spread(row, influence[feature], influence));
    var ranked = new float[features];
    for (int f = 0; f < features; f++) {
      boolean attributed = influence[f] == 0 || rows.containsKey(f);
      ranked[f] = attributed || node(f).position() < options.from() ? 0 : (float) influence[f];
    }
    int count = Math.min(PASSES * pass.copies(), options.features() - rows.size());
    return Arrays.stream(Vectors.largest(ranked, Math.min(count, features)))
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
    List<Integer> sources = new ArrayList<>();
    rows.keySet()
        .forEach(
            feature -> {
              nodes.add(node(feature));
              sources.add(feature);
            });
    int next = features;
    for (FeatureLayer layer : withErrors) {
      for (int j = 0; j < tokens.length; j++, next++) {
        if (j >= options.from()) {
          nodes.add(new GraphNode(GraphNode.Kind.ERROR, layer.layer, j, -1, 0, 0));
          sources.add(next);
        }
      }
    }
    for (int j = 0; j < tokens.length; j++) {
      nodes.add(new GraphNode(GraphNode.Kind.TOKEN, -1, j, tokens[j], 0, 0));
      sources.add(next++);
    }
    nodes.addAll(logits);
    List<GraphRow> targets = new ArrayList<>(rows.values());
    targets.addAll(logitRows);
    return new AttributionGraph(
        model.architecture().layers(), tokens, features, nodes, rows.size(), sources, targets);
  }

  @Override
  public void close() {
    pass.close();
  }
}
