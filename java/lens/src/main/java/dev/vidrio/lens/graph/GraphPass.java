package dev.vidrio.lens.graph;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.HookOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import dev.vidrio.lens.pass.EditInsertion;
import dev.vidrio.lens.pass.EditTables;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.resolve.ProducerIndex;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A text's forward pass, and backward passes from nodes of its {@linkplain AttributionGraph graph}:
 * the direct effects of features, errors and tokens. These are the sources, in this order.
 */
final class GraphPass implements AutoCloseable {
  /** Tokens of all copies of a text. */
  private static final int ROWS = 512;

  private static final int MAX_COPIES = 64;

  private final Model model;
  private final int[] tokens;
  private final HookMap hooks;
  private final List<FeatureLayer> layers;
  private final Op.MatMul product;

  /** The operations from {@link #last} to the logits. */
  private final List<Op> unembedding;

  private final Buffer nextLogits;
  private final Buffer last;
  private final Buffer stream;
  private final List<Bias> biases;
  private final EditTables edits;

  /** The edits y = A x + c, in which c is a constant. */
  private final List<HookOp.Edit> changes;

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

  /** A node with inputs to attribute. */
  static final class Target {
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
   * @param more other activations of the plan from which gradients start
   */
  GraphPass(
      Arena arena,
      Lens lens,
      int[] tokens,
      GraphFeatures features,
      Function<HookMap, Set<Buffer>> more) {
    this.model = lens.model();
    this.tokens = tokens.clone();
    Preconditions.require(!lens.isAdapted(), "adapter", "", "has no gradients");
    requireSupported(lens, features);
    Preconditions.requireOneStream(model, "attribution graph");
    Preconditions.requireTokens(model, tokens);
    for (int token : tokens) {
      Preconditions.requireToken(model, token);
    }
    int count = model.architecture().layers();
    Plan unedited = model.architecture().plan(tokens.length);
    this.hooks = new HookMap(unedited, count);
    this.edits = new EditTables(hooks, tokens.length, List.of(), 0, lens.edits());
    try {
      Plan whole = new EditInsertion(hooks, edits).apply(unedited);
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
      for (Buffer buffer : more.apply(hooks)) {
        seeded.add(buffer);
        kept.add(buffer);
      }
      for (FeatureLayer layer : layers) {
        constants.add(layer.blocked());
        wanted.add(layer.written);
        kept.add(layer.written);
        kept.add(layer.read);
        seeded.add(layer.read);
      }
      List<Op> ops = forward(whole.ops());
      for (Op op : ops) {
        if (op instanceof HookOp.Edit edit) {
          kept.add(edit.x());
          kept.add(edit.y());
        }
      }
      Plan forward = new Plan(ops, whole.kv(), kept);
      Set<Buffer> reached = FrozenPass.reached(forward, seeded, wanted, constants);
      reached.removeAll(wanted);
      this.biases = biases(ops, reached);
      biases.forEach(bias -> wanted.add(bias.y));
      this.changes = changes(ops, reached);
      for (HookOp.Edit change : changes) {
        wanted.add(change.x());
        wanted.add(change.y());
      }
      int copies = Math.clamp(ROWS / tokens.length, 1, MAX_COPIES);
      this.pass = new FrozenPass(model, forward, seeded, wanted, constants, tokens.length, copies);
    } catch (Throwable e) {
      edits.close();
      throw e;
    }
  }

  /** Rejects interventions for which the terms of a target would not sum to its value. */
  private static void requireSupported(Lens lens, GraphFeatures features) {
    boolean explainsOutput = !(features instanceof GraphFeatures.Neurons);
    for (Intervention edit : lens.edits()) {
      HookSite site = edit.point().site();
      require(
          !(edit.kind() instanceof InterventionKind.Edit(EditKind.Clamp _)),
          edit,
          "a clamp has no gradient");
      require(site != HookSite.LOGITS, edit, "not supported by attribution graphs");
      require(
          site.axes() != HookSite.Axes.QUERY_KEY && site.axes() != HookSite.Axes.ONE,
          edit,
          "a constant of attribution graphs, which is not edited");
      require(
          site != HookSite.MLP_OUT || !explainsOutput,
          edit,
          "not supported by attribution graphs over transcoders, which explain that output");
    }
  }

  private static void require(boolean holds, Intervention edit, String limit) {
    Preconditions.require(holds, "edit of " + edit.point(), "", limit);
  }

  /** Returns the edits of activations that gradients reach. */
  private static List<HookOp.Edit> changes(List<Op> ops, Set<Buffer> reached) {
    return ops.stream()
        .filter(HookOp.Edit.class::isInstance)
        .map(HookOp.Edit.class::cast)
        .filter(edit -> reached.contains(edit.y()))
        .toList();
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

  /** Runs the text forward and finds its features. */
  void forward() {
    edits.assign(List.of());
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
  }

  /** Returns the hook points of the plan. */
  HookMap hooks() {
    return hooks;
  }

  /** Returns the product with the unembedding. */
  Op.MatMul product() {
    return product;
  }

  /** Returns the operations from {@link #last} to the logits. */
  List<Op> unembedding() {
    return unembedding;
  }

  Buffer nextLogits() {
    return nextLogits;
  }

  /** Returns the activation before the unembedding. */
  Buffer last() {
    return last;
  }

  /** Returns the activation before the unembedding at the last token. */
  float[] lastRow() {
    return pass.values(last)[0];
  }

  /** Returns the number of layers, the layer of nodes after all of them. */
  int end() {
    return model.architecture().layers();
  }

  /** Returns the number of targets of a backward pass. */
  int copies() {
    return pass.copies();
  }

  /** Returns a row of an activation from which gradients start. */
  float[] row(Buffer seeded, int position) {
    return pass.values(seeded)[position];
  }

  /** Returns the number of active features. */
  int features() {
    return features;
  }

  /** Returns the number of nodes that have effects: features, errors and tokens. */
  int sources() {
    return features + (withErrors.size() + 1) * tokens.length;
  }

  /** Returns a node that has effects. */
  GraphNode source(int source) {
    if (source < features) {
      int i = layerOf(source);
      return layers.get(i).node(source - firsts[i]);
    }
    int row = (source - features) / tokens.length;
    int position = (source - features) % tokens.length;
    return row < withErrors.size()
        ? new GraphNode(GraphNode.Kind.ERROR, withErrors.get(row).layer, position, -1, 0, 0)
        : new GraphNode(GraphNode.Kind.TOKEN, -1, position, tokens[position], 0, 0);
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

  /** Returns an active feature as a target. */
  Target target(int feature) {
    int i = layerOf(feature);
    FeatureLayer layer = layers.get(i);
    int f = feature - firsts[i];
    return new Target(
        layer.layer, layer.read, layer.node(f).position(), layer.seed(f), layer.constant(f));
  }

  /** Returns the effects of all sources on targets. */
  List<GraphRow> rows(List<Target> targets) {
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
          if (layers.get(from).writesTo(layer.layer)) {
            layers.get(from).addEffects(layer.layer, gradient, all, firsts[from]);
          }
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
    for (HookOp.Edit change : changes) {
      constant += term(change.y(), copy) - term(change.x(), copy);
    }
    return GraphRow.of(all, constant);
  }

  /** Returns the sum of an activation's values times their gradients. */
  private double term(Buffer buffer, int copy) {
    float[][] values = pass.values(buffer);
    float[][] gradient = pass.gradient(buffer, copy);
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      sum += Vectors.dot(values[i], gradient[i]);
    }
    return sum;
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

  @Override
  public void close() {
    pass.close();
    edits.close();
  }
}
