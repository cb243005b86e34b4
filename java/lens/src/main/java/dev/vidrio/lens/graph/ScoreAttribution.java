package dev.vidrio.lens.graph;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.HookSource;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The attribution of an attention score, or QK attribution (Kamath et al. 2025,
 * transformer-circuits.pub/2025/attention-qk): why does a head attend from a token to another? The
 * score before the softmax is a product, {@code scale · ⟨q, k⟩}. Query and key are sums over the
 * nodes of an {@linkplain AttributionGraph attribution graph}, if patterns before them and the
 * divisors of norms count as constants; so the score is a sum over pairs of a node at the query and
 * a node at the key. The vectors of nodes are exact gradients of q and k; rotary positions are
 * included. The pairs sum to the score, with a rest for biases and for all nodes but the strongest.
 *
 * {@snippet file="graph/ScoreAttributionTest.java" region="score"}
 *
 * <p>Soft caps, position biases and sinks come after this product, and are not included. Immutable.
 *
 * @see "docs/lens/graphs.md"
 */
public final class ScoreAttribution {
  /** Maximum number of nodes on each side; the others are part of the rest. */
  private static final int MAX_NODES = 4096;

  private final double score;
  private final Side queries;
  private final Side keys;

  /**
   * A term of the score.
   *
   * @param query a node that acts on the query, or null for the rest
   * @param key a node that acts on the key, or null for the rest
   */
  public record Pair(@Nullable GraphNode query, @Nullable GraphNode key, double value) {}

  /** The parts of a query or key; the last is the rest. */
  private static final class Side {
    final List<GraphNode> nodes;

    /** [nodes + 1][d_h]. */
    final float[][] vectors;

    Side(List<GraphNode> nodes, float[][] vectors) {
      this.nodes = nodes;
      this.vectors = vectors;
    }

    @Nullable GraphNode node(int i) {
      return i < nodes.size() ? nodes.get(i) : null;
    }
  }

  private ScoreAttribution(double score, Side queries, Side keys) {
    this.score = score;
    this.queries = queries;
    this.keys = keys;
  }

  /**
   * Attributes a score.
   *
   * @param tokens BOS is not added
   * @param head of the queries
   * @param query position of the token that attends
   * @param key position of the token that is attended to
   * @throws InvalidInputException if the layer has no attention with queries and keys of its own,
   *     or the head or a position does not exist, or the key is after the query, or for the reasons
   *     of {@link AttributionGraph#of(Lens, int[], GraphFeatures, GraphOptions)}
   */
  public static ScoreAttribution of(
      Lens lens, int[] tokens, GraphFeatures features, int layer, int head, int query, int key) {
    lens.requireUnedited("attributions of scores");
    Preconditions.requireRange("layer", layer, 0, lens.model().architecture().layers() - 1);
    HookMap points = HookMap.of(lens.model());
    var scores = new HookPoint(HookSite.ATTN_SCORES, layer);
    Preconditions.require(points.has(scores), "layer", layer, "has no attention scores");
    Preconditions.require(
        points.source(scores) instanceof HookSource.Scores,
        "layer",
        layer,
        "has scores of several parts, which is not supported");
    Preconditions.requireRange("head", head, 0, points.heads(layer) - 1);
    Preconditions.requirePosition("query", tokens, query);
    Preconditions.requireRange("key", key, 0, query);
    try (Arena arena = Arena.ofShared();
        var pass =
            new GraphPass(arena, lens, tokens, features, hooks -> seeds(source(hooks, layer)))) {
      pass.forward();
      HookSource.Scores source = source(pass.hooks(), layer);
      int heads = points.heads(layer);
      int dH = source.attention().q().width() / heads;
      int keyHead = head / (heads / points.kvHeads(layer));
      float scale = source.attention().scale();
      Buffer q = source.attention().q();
      Side queries = side(pass, new Part(layer, q, query, head * dH, dH), scale);
      Side keys = side(pass, new Part(layer, source.k(), key, keyHead * dH, dH), 1);
      double product = 0;
      float[] qRow = pass.row(q, query);
      float[] kRow = pass.row(source.k(), key);
      for (int i = 0; i < dH; i++) {
        product += (double) qRow[head * dH + i] * kRow[keyHead * dH + i];
      }
      return new ScoreAttribution(scale * product, queries, keys);
    }
  }

  private static HookSource.Scores source(HookMap hooks, int layer) {
    return (HookSource.Scores) hooks.source(new HookPoint(HookSite.ATTN_SCORES, layer));
  }

  private static Set<Buffer> seeds(HookSource.Scores source) {
    return Set.of(source.attention().q(), source.k());
  }

  /** A head's columns of an activation at a token. */
  private record Part(int layer, Buffer buffer, int position, int first, int count) {}

  /** Returns the parts of a head's query or key, times a factor. */
  private static Side side(GraphPass pass, Part part, float factor) {
    List<GraphPass.Target> targets = new ArrayList<>();
    for (int i = 0; i < part.count; i++) {
      var seed = new float[part.buffer.width()];
      seed[part.first + i] = factor;
      targets.add(new GraphPass.Target(part.layer, part.buffer, part.position, seed, 0));
    }
    List<GraphRow> rows = pass.rows(targets);
    var norms = new float[pass.sources()];
    for (GraphRow row : rows) {
      for (int s = 0; s < row.sources.length; s++) {
        norms[row.sources[s]] += row.effects[s] * row.effects[s];
      }
    }
    int[] kept =
        Arrays.stream(Vectors.largest(norms, Math.min(MAX_NODES, norms.length)))
            .filter(source -> norms[source] > 0)
            .sorted()
            .toArray();
    var vectors = new float[kept.length + 1][rows.size()];
    for (int i = 0; i < rows.size(); i++) {
      double rest = rows.get(i).sum;
      for (int s = 0; s < kept.length; s++) {
        vectors[s][i] = rows.get(i).of(kept[s]);
        rest -= vectors[s][i];
      }
      vectors[kept.length][i] = (float) rest;
    }
    return new Side(Arrays.stream(kept).mapToObj(pass::source).toList(), vectors);
  }

  /** Returns the score of the model, before a soft cap and a position bias. */
  public double score() {
    return score;
  }

  /** Returns the sum over all pairs: the score, but for rounding. */
  public double explained() {
    return Vectors.dot(sum(queries), sum(keys));
  }

  private static float[] sum(Side side) {
    var sum = new float[side.vectors[0].length];
    for (float[] vector : side.vectors) {
      Vectors.add(sum, vector);
    }
    return sum;
  }

  /**
   * Returns the sum over all pairs of each node at the query, the strongest first.
   *
   * @return pairs with a query only
   */
  public List<Pair> ofQueries() {
    return sums(queries, sum(keys), true);
  }

  /**
   * Returns the sum over all pairs of each node at the key, the strongest first.
   *
   * @return pairs with a key only
   */
  public List<Pair> ofKeys() {
    return sums(keys, sum(queries), false);
  }

  private static List<Pair> sums(Side side, float[] other, boolean query) {
    return IntStream.range(0, side.vectors.length)
        .mapToObj(
            i -> {
              double value = Vectors.dot(side.vectors[i], other);
              GraphNode node = side.node(i);
              return new Pair(query ? node : null, query ? null : node, value);
            })
        .sorted(Comparator.comparingDouble(pair -> -Math.abs(pair.value())))
        .toList();
  }

  /**
   * Returns the strongest pairs, by magnitude.
   *
   * @param count maximum number of pairs
   */
  public List<Pair> strongest(int count) {
    Preconditions.requirePositive("pairs", count);
    Comparator<Pair> byStrength = Comparator.comparingDouble(pair -> Math.abs(pair.value()));
    var kept = new PriorityQueue<Pair>(byStrength);
    double least = 0;
    for (int u = 0; u < queries.vectors.length; u++) {
      for (int v = 0; v < keys.vectors.length; v++) {
        double value = Vectors.dot(queries.vectors[u], keys.vectors[v]);
        if (kept.size() < count || Math.abs(value) > least) {
          kept.add(new Pair(queries.node(u), keys.node(v), value));
          if (kept.size() > count) {
            kept.remove();
          }
          least = Math.abs(kept.element().value());
        }
      }
    }
    return kept.stream().sorted(byStrength.reversed()).toList();
  }
}
