package dev.vidrio.lens.attribute;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.FlowRoutes.Block;
import dev.vidrio.lens.attribute.FlowRoutes.Edge;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.component.LinearEdits;
import dev.vidrio.lens.component.TokenContributions;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The edges of one layer of the information flow graph, with their shares. Attention and the
 * feed-forward block add to the residual stream one after the other; in layers without {@code
 * hook_resid_mid}, all blocks add at once.
 */
final class FlowLayer {
  private static final Set<HookSite> SITES =
      Set.of(
          HookSite.PATTERN,
          HookSite.V,
          HookSite.RESID_PRE,
          HookSite.ATTN_OUT,
          HookSite.MLP_OUT,
          HookSite.PER_LAYER_OUT);

  /** The streams that interventions may change. */
  private static final Set<HookSite> SUMS =
      Set.of(HookSite.ATTN_OUT, HookSite.RESID_PRE, HookSite.RESID_MID, HookSite.RESID_POST);

  private final HookMap hooks;
  private final LinearEdits edits;
  private final ActivationCache cache;
  private final int layer;
  private final @Nullable TokenContributions attention;

  /**
   * Creates the layer.
   *
   * @param lens has run the text
   * @param cache the run, with {@link #capture}
   * @throws InvalidInputException if attention has an output gate or norm, or for the reasons of
   *     {@link LinearEdits#of}
   */
  FlowLayer(Lens lens, HookMap hooks, ActivationCache cache, int layer) {
    this.hooks = hooks;
    this.edits = LinearEdits.of(lens, hooks, SUMS);
    this.cache = cache;
    this.layer = layer;
    this.attention =
        hooks.heads(layer) == 0 ? null : new TokenContributions(lens, hooks, cache, layer);
  }

  /** Rejects models with other sums than those of the graph. */
  static void require(Model model, HookMap hooks) {
    String method = "information flow routes";
    Preconditions.requireOneStream(model, method);
    for (int l = 0; l < model.architecture().layers(); l++) {
      String layer = "layer " + l;
      Preconditions.require(
          !hooks.has(new HookPoint(HookSite.CONV_OUT, l)),
          method,
          "",
          layer + " has a convolution");
      Preconditions.require(
          !hooks.has(new HookPoint(HookSite.RECURRENT_OUT, l)),
          method,
          "",
          layer + " has a recurrence");
      Preconditions.require(
          !hooks.has(new HookPoint(HookSite.Z_PRE, l)),
          method,
          "",
          "heads of " + layer + " go through gates or a norm");
    }
  }

  /** Returns the capture of the activations that edges follow from. */
  static Capture capture(Lens lens) {
    Set<HookPoint> edited =
        lens.edits().stream().map(Intervention::point).collect(Collectors.toSet());
    return Capture.of(
        lens.points().stream()
            .filter(
                point ->
                    SITES.contains(point.site())
                        || (SUMS.contains(point.site()) && edited.contains(point)))
            .map(HookPoint::name)
            .collect(Collectors.joining(",")));
  }

  /** Returns whether the stream between attention and the feed-forward block is a node. */
  boolean hasMid() {
    return hooks.has(new HookPoint(HookSite.RESID_MID, layer));
  }

  /** Returns the edges into the stream of token i between attention and the feed-forward block. */
  List<Edge> intoMid(int i) {
    HookPoint mid = new HookPoint(HookSite.RESID_MID, layer);
    var sum = new Sum(HookSite.RESID_MID, i, mid(i), changed(i, mid));
    addAttention(sum);
    return sum.edges();
  }

  /** Returns the edges into the stream of token i at the end of the layer. */
  List<Edge> intoPost(int i) {
    List<HookPoint> changed =
        changed(
            i,
            new HookPoint(HookSite.RESID_POST, layer),
            new HookPoint(HookSite.RESID_PRE, layer + 1));
    float[] stream =
        changed.isEmpty()
            ? plus(
                hasMid() ? mid(i) : stream(i, HookSite.ATTN_OUT),
                i,
                HookSite.MLP_OUT,
                HookSite.PER_LAYER_OUT)
            : unscaled(cache.get(changed.getLast()).row(i));
    var sum = new Sum(HookSite.RESID_POST, i, stream, changed);
    HookSite read = HookSite.RESID_PRE;
    if (hasMid()) {
      read = HookSite.RESID_MID;
      sum.add(Block.RESIDUAL, read, mid(i));
    } else {
      addAttention(sum);
    }
    addBlock(sum, Block.MLP, HookSite.MLP_OUT, read);
    addBlock(sum, Block.PER_LAYER, HookSite.PER_LAYER_OUT, read);
    return sum.edges();
  }

  /** Divides the stream after the layer by the factor that scales its sum. */
  private float[] unscaled(float[] stream) {
    Vectors.scale(stream, hooks.factorFrom(layer + 1) / hooks.factorFrom(layer));
    return stream;
  }

  /** Returns those points of a stream that interventions change at token i. */
  private List<HookPoint> changed(int i, HookPoint... points) {
    return Stream.of(points).filter(point -> edits.has(point, i)).toList();
  }

  /** Returns the stream of token i between attention and the feed-forward block. */
  private float[] mid(int i) {
    HookPoint mid = new HookPoint(HookSite.RESID_MID, layer);
    return edits.has(mid, i) ? cache.get(mid).row(i) : stream(i, HookSite.ATTN_OUT);
  }

  /** Returns the input of the layer at token i plus the outputs of those blocks that it has. */
  private float[] stream(int i, HookSite... blocks) {
    return plus(cache.get(HookSite.RESID_PRE, layer).row(i), i, blocks);
  }

  /** Adds the outputs of those blocks that the layer has at token i to a stream. */
  private float[] plus(float[] stream, int i, HookSite... blocks) {
    for (HookSite block : blocks) {
      if (cache.has(new HookPoint(block, layer))) {
        Vectors.add(stream, cache.get(block, layer).row(i));
      }
    }
    return stream;
  }

  private void addBlock(Sum sum, Block block, HookSite site, HookSite read) {
    if (cache.has(new HookPoint(site, layer))) {
      sum.add(block, read, cache.get(site, layer).row(sum.token));
    }
  }

  /** Adds the input of the layer, what each head adds by source token, and the bias. */
  private void addAttention(Sum sum) {
    HookSite read = HookSite.RESID_PRE;
    sum.add(Block.RESIDUAL, read, stream(sum.token));
    if (attention == null) {
      addBlock(sum, Block.ATTENTION, HookSite.ATTN_OUT, read);
      return;
    }
    boolean changed =
        edits.has(new HookPoint(HookSite.Z, layer), sum.token)
            || edits.has(new HookPoint(HookSite.ATTN_OUT, layer), sum.token);
    boolean biased = changed || HeadOutputs.hasBias(hooks, layer);
    float[] rest = attention.attention(sum.token);
    attention.eachHead(
        sum.token,
        (head, source, added) -> {
          if (biased) {
            Vectors.add(rest, -1, added);
          }
          sum.add(Block.HEAD, head, read, source, added);
        });
    if (biased) {
      sum.add(changed ? Block.EDIT : Block.ATTENTION_BIAS, read, rest);
    }
  }

  /**
   * A residual stream as a sum. Its edges begin with their proximities. If interventions change the
   * stream, summands change with it, and what they add is the last one.
   */
  private final class Sum {
    private final HookSite into;
    private final int token;
    private final List<HookPoint> changed;
    private final double[] stream;
    private final double[] scratch;
    private final double norm;
    private final float[] rest;
    private final List<Edge> edges = new ArrayList<>();
    private double total;

    Sum(HookSite into, int token, float[] stream, List<HookPoint> changed) {
      this.into = into;
      this.token = token;
      this.changed = changed;
      this.stream = IntStream.range(0, stream.length).mapToDouble(k -> stream[k]).toArray();
      this.scratch = new double[stream.length];
      this.norm = Vectors.norm1(stream);
      this.rest = stream;
    }

    void add(Block block, HookSite read, float[] added) {
      add(block, -1, read, token, added);
    }

    /** Adds a summand before the interventions, which is overwritten by the one after them. */
    void add(Block block, int head, HookSite read, int from, float[] added) {
      if (!changed.isEmpty()) {
        changed.forEach(point -> edits.apply(point, token, added));
        Vectors.add(rest, -1, added);
      }
      include(block, head, read, from, added);
    }

    private void include(Block block, int head, HookSite read, int from, float[] added) {
      double proximity = Math.max(0, norm - Vectors.distance1(stream, added, scratch));
      total += proximity;
      edges.add(new Edge(layer, block, head, read, from, into, token, proximity));
    }

    /**
     * Returns the edges with their shares. If no proximity is positive, all of the stream is the
     * residual edge's share.
     */
    List<Edge> edges() {
      if (!changed.isEmpty()) {
        include(Block.EDIT, -1, edges.getFirst().read(), token, rest);
      }
      edges.replaceAll(
          edge ->
              edge.withShare(
                  total > 0 ? edge.share() / total : edge.block() == Block.RESIDUAL ? 1 : 0));
      return edges;
    }
  }
}
