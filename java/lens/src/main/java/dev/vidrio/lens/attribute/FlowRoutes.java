package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Information flow routes (Ferrando and Voita 2024, arXiv 2403.00824): the part of a forward pass
 * that a prediction comes from, without gradients, interventions or a second text.
 *
 * <p>Nodes of the graph are the residual streams of tokens: the embedding, the stream between
 * attention and the feed-forward block of each layer, and the stream after it. Each stream is a sum
 * {@code y = Σ_j z_j}, and an edge is a summand: the earlier stream, {@code a_ij x_j W_OV} of a
 * head and a source token, the feed-forward block, or a bias. Its share is the reduction of the
 * distance to the sum, as in ALTI:
 *
 * <pre>{@code
 * share(z_j) = max(0, ‖y‖₁ − ‖y − z_j‖₁) / Σ_k max(0, ‖y‖₁ − ‖y − z_k‖₁)
 * }</pre>
 *
 * <p>The shares of the edges into a stream add up to 1. The routes of a prediction begin at the
 * last stream of its token and follow, downwards, each edge with a share above a threshold; what
 * other edges alone lead to is not part of them. Norms between a block and the residual stream use
 * the divisors of the run. Layers with attention and feed-forward block in parallel have one sum
 * with all edges.
 *
 * <p>Interventions of the lens change the summands of the stream that they are applied to; what
 * they add is a summand of its own. Interventions within blocks change the run only.
 *
 * <p>Memory grows with the attention patterns of all layers, {@code 4 · L · H · n²} bytes, and with
 * {@code 4 · n · H · d} bytes for one layer.
 *
 * @param position the position before the token to explain
 * @param threshold the share that all edges exceed, 0 to 1
 * @param edges from the last layer to the first; into a layer's end before into its middle, then by
 *     token
 * @see FlowImportance
 * @see "docs/lens/attribution.md"
 */
public record FlowRoutes(int position, double threshold, List<Edge> edges) {
  /** The threshold that suits texts of a sentence or two. */
  public static final double THRESHOLD = 0.04;

  /** A kind of summand of a residual stream. */
  public enum Block {
    /** The earlier stream of the token. */
    RESIDUAL("residual"),
    /** An attention head, by source token. */
    HEAD("head"),
    /** A linear map that a layer has instead of attention heads. */
    ATTENTION("attn"),
    /** The bias of attention, and of the norm after it, which comes from no token. */
    ATTENTION_BIAS("attn_bias"),
    /**
     * The sum of what interventions of the lens add to the stream, which comes from no token, with
     * the bias of changed attention.
     */
    EDIT("edit"),
    /** The feed-forward block, including all its experts. */
    MLP("mlp"),
    /**
     * The block that adds the per-layer embedding of the token; it reads the stream after the MLP.
     */
    PER_LAYER("per_layer");

    private final String label;

    Block(String label) {
      this.label = label;
    }

    /** Returns whether the summand comes from a token. */
    boolean hasSource() {
      return this != ATTENTION_BIAS && this != EDIT;
    }
  }

  /**
   * An edge of the graph: a block adds to a stream of a token.
   *
   * @param layer the layer of the block
   * @param head of a {@link Block#HEAD}, otherwise −1
   * @param read the stream that the block reads: {@link HookSite#RESID_PRE} of its layer, or {@link
   *     HookSite#RESID_MID}
   * @param from the token of that stream
   * @param into the stream that it adds to: {@link HookSite#RESID_MID} of its layer, or {@link
   *     HookSite#RESID_POST}
   * @param to the token of that stream
   * @param share 0 to 1, of the stream that it adds to
   */
  public record Edge(
      int layer,
      Block block,
      int head,
      HookSite read,
      int from,
      HookSite into,
      int to,
      double share) {
    /** Returns the name of the block: {@code L3.H7}, {@code L3.mlp}, {@code L3.residual}. */
    public String name() {
      return FlowRoutes.name(layer, block, head);
    }

    Edge withShare(double newShare) {
      return new Edge(layer, block, head, read, from, into, to, newShare);
    }

    private Stream source() {
      return read == HookSite.RESID_PRE ? end(layer - 1, from) : new Stream(read, layer, from);
    }

    private Stream target() {
      return new Stream(into, layer, to);
    }
  }

  /** A residual stream of a token: within a layer, or at its end; layer −1 is the embedding. */
  private record Stream(HookSite site, int layer, int token) {}

  static String name(int layer, Block block, int head) {
    return "L" + layer + "." + (block == Block.HEAD ? "H" + head : block.label);
  }

  private static Stream end(int layer, int token) {
    return new Stream(HookSite.RESID_POST, layer, token);
  }

  /** The streams that are reached from the top, and the edges between them. */
  private static final class Trace {
    private final double threshold;
    private final Set<Stream> reached = new HashSet<>();
    private final List<Edge> kept = new ArrayList<>();

    Trace(Stream start, double threshold) {
      this.threshold = threshold;
      reached.add(start);
    }

    /** Keeps an edge if its target is reached, and reaches its source. */
    void follow(Edge edge) {
      if (edge.share > threshold && reached.contains(edge.target())) {
        kept.add(edge);
        if (edge.block.hasSource()) {
          reached.add(edge.source());
        }
      }
    }

    /** Keeps edges into the reached tokens of a layer's stream. */
    void follow(HookSite site, int layer, int tokens, IntFunction<List<Edge>> into) {
      IntStream.range(0, tokens)
          .parallel()
          .filter(i -> reached.contains(new Stream(site, layer, i)))
          .mapToObj(i -> into.apply(i).stream().filter(edge -> edge.share > threshold).toList())
          .toList()
          .forEach(edges -> edges.forEach(this::follow));
    }
  }

  /**
   * Checks the threshold.
   *
   * @throws InvalidInputException if it is not from 0 to 1
   */
  public FlowRoutes {
    requireThreshold(threshold);
    edges = List.copyOf(edges);
  }

  /**
   * Rejects thresholds outside 0 to 1.
   *
   * @throws InvalidInputException if the threshold is not from 0 to 1
   */
  public static void requireThreshold(double threshold) {
    Preconditions.require(
        threshold >= 0 && threshold <= 1, "threshold", threshold, "must be from 0 to 1");
  }

  /**
   * Traces the routes of a prediction in one forward pass of the text up to its position.
   *
   * @param tokens the text
   * @param position 0 to tokens − 1
   * @param threshold 0 to 1
   * @throws InvalidInputException if the model has several residual streams, convolutions,
   *     recurrences, or gates or norms on the outputs of heads, or an intervention is not linear in
   *     the summands of a stream
   */
  public static FlowRoutes of(Lens lens, int[] tokens, int position, double threshold) {
    requireThreshold(threshold);
    Preconditions.requirePosition(tokens, position);
    HookMap hooks = HookMap.of(lens.model());
    FlowLayer.require(lens.model(), hooks);
    int n = position + 1;
    int layers = lens.model().architecture().layers();
    var trace = new Trace(end(layers - 1, position), threshold);
    try (ActivationCache cache = lens.run(Arrays.copyOf(tokens, n), FlowLayer.capture(lens))) {
      for (int l = layers - 1; l >= 0; l--) {
        var layer = new FlowLayer(lens, hooks, cache, l);
        trace.follow(HookSite.RESID_POST, l, n, layer::intoPost);
        if (layer.hasMid()) {
          trace.follow(HookSite.RESID_MID, l, n, layer::intoMid);
        }
      }
    }
    return new FlowRoutes(position, threshold, trace.kept);
  }

  /**
   * Returns the routes with a higher threshold.
   *
   * @throws InvalidInputException if the threshold is lower than that of these routes
   */
  public FlowRoutes above(double higher) {
    Preconditions.require(
        higher >= threshold,
        "threshold",
        higher,
        "must be at least that of the routes, " + threshold);
    if (edges.isEmpty()) {
      return new FlowRoutes(position, higher, edges);
    }
    var trace = new Trace(edges.getFirst().target(), higher);
    edges.forEach(trace::follow);
    return new FlowRoutes(position, higher, trace.kept);
  }

  /** Returns the tokens of the text with embeddings that are part of the routes, ascending. */
  public List<Integer> sources() {
    return edges.stream()
        .filter(edge -> edge.layer == 0 && edge.block.hasSource())
        .filter(edge -> edge.read == HookSite.RESID_PRE)
        .map(Edge::from)
        .distinct()
        .sorted()
        .toList();
  }
}
