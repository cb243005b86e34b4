package dev.vidrio.lens.graph;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * An attribution graph (Ameisen et al. 2025, transformer-circuits.pub/2025/attribution-graphs):
 * which features of a text caused which others, and the prediction after its last token. Features
 * are those of {@linkplain GraphFeatures#transcoders transcoders}, or {@linkplain
 * GraphFeatures#neurons neurons} where there are none.
 *
 * {@snippet file="graph/AttributionGraphTest.java" region="graph"}
 *
 * <p>Attention patterns, the divisors of norms and, for neurons, gates count as constants. Then the
 * value of a feature is a linear function of the tokens' embeddings, of what earlier features and
 * errors add to the residual stream, and of constants; an edge is one term. The terms of a target
 * sum to its value ({@link #explained}), but for the rounding of quantized activations, which a
 * gradient does not see. Effects do not pass through other feed-forward blocks: these are nodes.
 *
 * <p>Nodes are ordered: features by layer, position and number, errors, tokens, logits or a metric.
 * Immutable.
 *
 * @see "docs/lens/graphs.md"
 */
public final class AttributionGraph {
  private final int layers;
  private final int[] tokens;
  private final int active;
  private final List<GraphNode> nodes;
  private final int features;

  /** The effects of all nodes on each feature, then on each logit. */
  private final float[][] effects;

  private final double[] explained;
  private final double[] influence;

  /**
   * Creates a graph.
   *
   * @param nodes features, errors, tokens and logits
   * @param features number of features among them
   * @param sources the number of each node but logits in the rows
   * @param rows of each feature and each logit
   */
  AttributionGraph(
      int layers,
      int[] tokens,
      int active,
      List<GraphNode> nodes,
      int features,
      List<Integer> sources,
      List<GraphRow> rows) {
    this.layers = layers;
    this.tokens = tokens.clone();
    this.active = active;
    this.nodes = List.copyOf(nodes);
    this.features = features;
    this.effects = new float[rows.size()][sources.size()];
    this.explained = new double[rows.size()];
    for (int t = 0; t < effects.length; t++) {
      GraphRow row = rows.get(t);
      explained[t] = row.sum;
      for (int s = 0; s < effects[t].length; s++) {
        effects[t][s] = row.of(sources.get(s));
      }
    }
    this.influence = influence(effects);
  }

  /**
   * Computes the graph of a text.
   *
   * @param tokens BOS is not added
   * @throws dev.vidrio.error.InvalidInputException if the text is empty, longer than the context or
   *     has an unknown token, or if the model has several residual streams, an adapter or, for
   *     neurons, a feed-forward block that is not dense
   */
  public static AttributionGraph of(
      Lens lens, int[] tokens, GraphFeatures features, GraphOptions options) {
    return of(lens, tokens, features, options, null, done -> {});
  }

  /**
   * Computes the graph of a text, which explains the logits of the likeliest tokens, or a metric:
   * its linear part at the text.
   *
   * @param metric of the logits after the text, or null for the logits of the likeliest tokens
   * @param progress receives the number of features with attributed inputs
   * @see #of(Lens, int[], GraphFeatures, GraphOptions)
   */
  public static AttributionGraph of(
      Lens lens,
      int[] tokens,
      GraphFeatures features,
      GraphOptions options,
      @Nullable DifferentiableMetric metric,
      IntConsumer progress) {
    try (Arena arena = Arena.ofShared();
        var attribution = new GraphAttribution(arena, lens, tokens, features, options, metric)) {
      return attribution.run(progress);
    }
  }

  /** Returns the number of layers of the model. */
  public int layers() {
    return layers;
  }

  /** Returns the tokens of the text. */
  public int[] tokens() {
    return tokens.clone();
  }

  /** Returns the number of features that are active, in the graph or not. */
  public int active() {
    return active;
  }

  /** Returns all nodes. */
  public List<GraphNode> nodes() {
    return nodes;
  }

  private int logit(int i) {
    return nodes.size() - effects.length + features + i;
  }

  private int logits() {
    return effects.length - features;
  }

  /** Returns the row of effects on a node, or −1 if it has no incoming edges. */
  private int row(int node) {
    return node < features ? node : node >= logit(0) ? node - logit(0) + features : -1;
  }

  /**
   * Returns the direct effect of a node on another; 0 if there is no edge.
   *
   * @param target index of a node
   * @param source index of a node
   */
  public double effect(int target, int source) {
    int row = row(target);
    return row < 0 || source >= logit(0) ? 0 : effects[row][source];
  }

  /**
   * Returns the sum of all effects on a feature, a logit or a metric, including those of features
   * that are not in the graph, and of constants: its value, but for rounding.
   */
  public double explained(int target) {
    int row = row(target);
    Preconditions.require(row >= 0, "target", target, "must be a feature or a logit");
    return explained[row];
  }

  /**
   * Returns the influence of a node on the predicted tokens: 1 is divided among them by their
   * probabilities, and flows back along edges, at each node in proportion to the magnitudes of
   * effects.
   */
  public double influence(int node) {
    return influence[node];
  }

  /** Returns the share of a predicted token in the probability of all of them. */
  private double weight(int logit) {
    double total = 0;
    for (int i = 0; i < logits(); i++) {
      total += nodes.get(logit(i)).probability();
    }
    return nodes.get(logit(logit)).probability() / total;
  }

  /** Returns the influence of each node by some effects. */
  private double[] influence(float[][] of) {
    var result = new double[nodes.size()];
    for (int i = 0; i < logits(); i++) {
      result[logit(i)] = weight(i);
      spread(of[features + i], weight(i), result);
    }
    for (int f = features - 1; f >= 0; f--) {
      spread(of[f], result[f], result);
    }
    return result;
  }

  private static void spread(float[] row, double influence, double[] result) {
    double total = total(row);
    for (int s = 0; influence > 0 && total > 0 && s < row.length; s++) {
      result[s] += influence * Math.abs(row[s]) / total;
    }
  }

  private static double total(float[] row) {
    double total = 0;
    for (float effect : row) {
      total += Math.abs(effect);
    }
    return total;
  }

  /**
   * Returns the share of the tokens in the influence of tokens and errors: 1 if features explain
   * all of the prediction.
   */
  public double replacement() {
    double ofTokens = 0;
    double ofErrors = 0;
    for (int i = 0; i < logit(0); i++) {
      switch (nodes.get(i).kind()) {
        case TOKEN -> ofTokens += influence[i];
        case ERROR -> ofErrors += influence[i];
        default -> {}
      }
    }
    return ofTokens / (ofTokens + ofErrors);
  }

  /**
   * Returns the mean share of incoming effects that are not those of errors, weighted by the
   * influence of targets.
   */
  public double completeness() {
    double sum = 0;
    double weights = 0;
    for (int i = 0; i < nodes.size(); i++) {
      weights += influence[i];
      sum += influence[i] * (1 - errorShare(row(i)));
    }
    return sum / weights;
  }

  private double errorShare(int row) {
    if (row < 0) {
      return 0;
    }
    double errors = 0;
    for (int s = features; s < effects[row].length; s++) {
      errors += nodes.get(s).kind() == GraphNode.Kind.ERROR ? Math.abs(effects[row][s]) : 0;
    }
    return errors == 0 ? 0 : errors / total(effects[row]);
  }

  /**
   * Returns the change of each logit if the value of a feature changes, as the graph predicts it:
   * directly and through other features, which all stay active.
   *
   * @param feature index of a node
   * @param change of its value
   * @return by logit, in the order of nodes
   */
  public double[] predictedChange(int feature, double change) {
    Preconditions.requireRange("feature", feature, 0, features - 1);
    // Relative changes; effects are those of whole values.
    var relative = new double[features];
    relative[feature] = change / nodes.get(feature).value();
    for (int f = feature + 1; f < features; f++) {
      double sum = dot(effects[f], relative, f);
      relative[f] = sum == 0 ? 0 : sum / nodes.get(f).value();
    }
    var changes = new double[logits()];
    Arrays.setAll(changes, i -> dot(effects[features + i], relative, features));
    return changes;
  }

  private static double dot(float[] effects, double[] relative, int count) {
    double sum = 0;
    for (int s = 0; s < count; s++) {
      sum += effects[s] * relative[s];
    }
    return sum;
  }

  /**
   * Returns the most important part of the graph: first the nodes, then the edges between them with
   * given shares of all influence. Tokens and logits stay; features and errors that no path leads
   * from or, for features, to are removed.
   *
   * @param nodeShare 0 to 1
   * @param edgeShare 0 to 1
   */
  public PrunedGraph prune(double nodeShare, double edgeShare) {
    requireShare("node share", nodeShare);
    requireShare("edge share", edgeShare);
    int sources = logit(0);
    double least = threshold(Arrays.copyOf(influence, sources), nodeShare);
    var kept = new BitSet(nodes.size());
    for (int i = 0; i < nodes.size(); i++) {
      GraphNode.Kind kind = nodes.get(i).kind();
      boolean always = kind == GraphNode.Kind.TOKEN || nodes.get(i).isTarget();
      kept.set(i, always || influence[i] >= least);
    }
    var pruned = new float[effects.length][];
    for (int r = 0; r < pruned.length; r++) {
      pruned[r] = new float[sources];
      for (int s = 0; (r >= features || kept.get(r)) && s < sources; s++) {
        pruned[r][s] = kept.get(s) ? effects[r][s] : 0;
      }
    }
    List<GraphEdge> edges = edges(pruned, edgeShare);
    return new PrunedGraph(this, connected(kept, edges), edges, cumulative());
  }

  private static void requireShare(String name, double share) {
    Preconditions.require(share >= 0 && share <= 1, name, share, "must be between 0 and 1");
  }

  /** Returns the smallest of the largest scores that have a share of their sum. */
  private static double threshold(double[] scores, double share) {
    double[] sorted = scores.clone();
    Arrays.sort(sorted);
    double total = Arrays.stream(sorted).sum();
    double sum = 0;
    for (int i = sorted.length - 1; i >= 0; i--) {
      sum += sorted[i];
      if (sum >= share * total) {
        return sorted[i];
      }
    }
    return sorted[0];
  }

  private List<GraphEdge> edges(float[][] pruned, double share) {
    double[] weights = influence(pruned);
    List<GraphEdge> all = new ArrayList<>();
    List<Double> scores = new ArrayList<>();
    for (int r = 0; r < pruned.length; r++) {
      int target = r < features ? r : logit(r - features);
      double total = total(pruned[r]);
      for (int s = 0; s < pruned[r].length; s++) {
        if (pruned[r][s] != 0) {
          all.add(new GraphEdge(s, target, pruned[r][s]));
          scores.add(Math.abs(pruned[r][s]) / total * weights[target]);
        }
      }
    }
    double[] values = scores.stream().mapToDouble(Double::doubleValue).toArray();
    double least = values.length == 0 ? 0 : threshold(values, share);
    return IntStream.range(0, values.length)
        .filter(i -> values[i] >= least)
        .mapToObj(all::get)
        .toList();
  }

  /** Removes features without edges on both sides and errors without edges, and their edges. */
  private BitSet connected(BitSet kept, List<GraphEdge> edges) {
    BitSet before;
    do {
      before = (BitSet) kept.clone();
      var from = new BitSet();
      var to = new BitSet();
      for (GraphEdge edge : edges) {
        if (kept.get(edge.source()) && kept.get(edge.target())) {
          from.set(edge.source());
          to.set(edge.target());
        }
      }
      for (int i = 0; i < logit(0); i++) {
        boolean feature = nodes.get(i).isFeature();
        boolean error = nodes.get(i).kind() == GraphNode.Kind.ERROR;
        if ((feature || error) && !(from.get(i) && (error || to.get(i)))) {
          kept.clear(i);
        }
      }
    } while (!before.equals(kept));
    return kept;
  }

  /**
   * Returns, for each node but logits, the share of influence of the nodes with at least its
   * influence.
   */
  private double[] cumulative() {
    Integer[] order = IntStream.range(0, logit(0)).boxed().toArray(Integer[]::new);
    Arrays.sort(order, Comparator.comparingDouble(i -> -influence[i]));
    double total = Arrays.stream(order).mapToDouble(i -> influence[i]).sum();
    var shares = new double[influence.length];
    double sum = 0;
    for (int i : order) {
      sum += influence[i];
      shares[i] = total == 0 ? 0 : sum / total;
    }
    return shares;
  }
}
