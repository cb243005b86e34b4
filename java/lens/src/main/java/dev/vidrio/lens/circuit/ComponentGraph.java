package dev.vidrio.lens.circuit;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The graph of a model's components: an edge from every component that writes to the residual
 * stream to every component that reads it later. As in Conmy et al. (2023, arXiv 2304.14997), the
 * queries, keys and values of a head are separate destinations; keys and values that heads share
 * are one. Immutable.
 */
public final class ComponentGraph {
  private final List<Node.Source> sources = new ArrayList<>();
  private final Map<Node.Source, Integer> numbers = new HashMap<>();

  /** The number of sources before each destination, which are its inputs. */
  private final Map<Node.Destination, Integer> inputCounts = new LinkedHashMap<>();

  /** H of each layer. */
  private final List<Integer> headsOf = new ArrayList<>();

  /** The layers with a norm over the sum of the heads before the residual stream. */
  private final BitSet divided = new BitSet();

  /** H_kv of each layer. */
  private final List<Integer> kvHeadsOf = new ArrayList<>();

  /** The number of elements of an output, d. */
  private final int width;

  private ComponentGraph(Lens lens) {
    Preconditions.requireAttention(lens.model(), "circuit");
    Preconditions.requireOneStream(lens.model(), "circuit");
    HookMap hooks = HookMap.of(lens.model());
    hooks.requireOwnKeys("circuit");
    width = hooks.stream(0).width();
    add(new Node.Embedding());
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      requireSum(hooks, l);
      requireOneStream(hooks, l);
      headsOf.add(hooks.heads(l));
      kvHeadsOf.add(hooks.kvHeads(l));
      divided.set(l, hooks.afterAttention(l).stream().anyMatch(Op.Norm.class::isInstance));
      int before = sources.size();
      for (HookSite site : Node.HeadInput.sites(hooks, l)) {
        inputs(site, l).forEach(input -> add(input, before));
      }
      for (int h = 0; h < hooks.heads(l); h++) {
        add(new Node.Head(l, h));
      }
      var mlp = new Node.Mlp(l);
      boolean beside = !lens.has(new HookPoint(HookSite.RESID_MID, l));
      add(mlp, beside ? before : sources.size());
      add(mlp);
    }
    add(new Node.Logits(), sources.size());
  }

  /**
   * Returns the graph of a model.
   *
   * @throws InvalidInputException if a layer lacks attention or has a recurrence, the model has
   *     several residual streams, layers share keys and values, or the residual stream is not a sum
   *     of components
   */
  public static ComponentGraph of(Lens lens) {
    return new ComponentGraph(lens);
  }

  /**
   * Checks that a feed-forward block reads the residual stream at one position; routers may read it
   * earlier.
   */
  private static void requireOneStream(HookMap hooks, int layer) {
    hooks.between(
        hooks.buffer(hooks.beforeMlp(layer)), hooks.buffer(new HookPoint(HookSite.MLP_OUT, layer)));
  }

  /** Checks that the output of attention is the sum of its heads and constants. */
  private static void requireSum(HookMap hooks, int layer) {
    String block = "blocks." + layer + ".";
    boolean scaled = hooks.factorFrom(layer) != 1;
    boolean perLayer = hooks.has(new HookPoint(HookSite.PER_LAYER_OUT, layer));
    List<Op> path = hooks.afterAttention(layer);
    boolean biasInNorm =
        path.stream().anyMatch(Op.AddBias.class::isInstance)
            && path.stream().anyMatch(Op.Norm.class::isInstance);
    Preconditions.require(
        !scaled, block + "hook_resid_post", "", "is scaled; must be a sum of components");
    Preconditions.require(
        !perLayer, block + "hook_per_layer_out", "", "is not supported in circuits");
    Preconditions.require(
        !biasInNorm, block + "hook_attn_out", "", "is not a sum of heads: a norm scales its bias");
  }

  private void add(Node.Source source) {
    numbers.put(source, sources.size());
    sources.add(source);
  }

  private void add(Node.Destination destination, int first) {
    inputCounts.put(destination, first);
  }

  /** Returns the components that write, in the order of a forward pass. */
  public List<Node.Source> sources() {
    return List.copyOf(sources);
  }

  /** Returns the components that read, in the order of a forward pass. */
  public List<Node.Destination> destinations() {
    return List.copyOf(inputCounts.keySet());
  }

  /** Returns the sources before a destination, in the order of a forward pass. */
  public List<Node.Source> inputsOf(Node.Destination destination) {
    Integer first = inputCounts.get(destination);
    if (first == null) {
      throw new InvalidInputException("component", destination.name(), "is none of the model");
    }
    return List.copyOf(sources.subList(0, first));
  }

  /** Returns whether the graph has an edge. */
  public boolean has(Edge edge) {
    int count = inputCounts.getOrDefault(edge.to(), 0);
    return numbers.getOrDefault(edge.from(), count) < count;
  }

  /** Returns the number of inputs of a destination, which are the first sources. */
  int inputCount(Node.Destination destination) {
    return Objects.requireNonNull(inputCounts.get(destination), destination::name);
  }

  /** Returns the number of elements of a component's output, d. */
  int width() {
    return width;
  }

  /** Returns the index of a component among the sources. */
  int number(Node.Source source) {
    return Objects.requireNonNull(numbers.get(source), source::name);
  }

  /** Returns the inputs of the heads of a layer: queries, keys, values or gates. */
  List<Node.HeadInput> inputs(HookSite site, int layer) {
    return IntStream.range(0, (isShared(site) ? kvHeadsOf : headsOf).get(layer))
        .mapToObj(h -> new Node.HeadInput(site, layer, h))
        .toList();
  }

  /** Returns whether several query heads may share an input. */
  private static boolean isShared(HookSite site) {
    return site == HookSite.K || site == HookSite.V;
  }

  /** Returns the heads that use an input. */
  public List<Node.Head> heads(Node.HeadInput input) {
    int heads = headsOf.get(input.layer());
    int group = isShared(input.site()) ? heads / kvHeadsOf.get(input.layer()) : 1;
    return IntStream.range(input.head() * group, (input.head() + 1) * group)
        .mapToObj(h -> new Node.Head(input.layer(), h))
        .toList();
  }

  /** Returns the input of the keys that a head uses. */
  Node.HeadInput keys(Node.Head head) {
    int group = headsOf.get(head.layer()) / kvHeadsOf.get(head.layer());
    return new Node.HeadInput(HookSite.K, head.layer(), head.head() / group);
  }

  /** Returns whether a norm divides the sum of a layer's heads before the residual stream. */
  boolean isDivided(int layer) {
    return divided.get(layer);
  }

  /**
   * Returns the heads with outputs that change with an input; with a norm over their sum, all of
   * the layer.
   */
  List<Node.Head> changed(Node.HeadInput input) {
    return divided.get(input.layer())
        ? IntStream.range(0, headsOf.get(input.layer()))
            .mapToObj(h -> new Node.Head(input.layer(), h))
            .toList()
        : heads(input);
  }

  /** Returns all edges, by their destinations in the order of a forward pass. */
  public Stream<Edge> edges() {
    return inputCounts.keySet().stream()
        .flatMap(to -> inputsOf(to).stream().map(from -> new Edge(from, to)));
  }
}
