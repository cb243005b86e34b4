package dev.vidrio.lens.resolve;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.model.Model;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The hook points of a plan, in the order of a forward pass, and the source of each point's values.
 * The points are those that the plan records; for points within an operation, it finds the
 * operation that writes the recorded activation. Passes that edit the plan move the sources.
 */
public final class HookMap {
  private static final Set<HookSite> HEAD_INPUTS =
      EnumSet.of(HookSite.Q, HookSite.K, HookSite.V, HookSite.GATE);

  private final ProducerIndex writers = new ProducerIndex();
  private final Map<HookPoint, Buffer> recorded;
  private final KvShape kv;
  private final int layers;

  /** The last store to each layer of the cache. */
  private final Map<Integer, SequenceOp.KvStore> stores = new HashMap<>();

  /**
   * The store that attention reads, by the attention's output. Layers of encoders all write to one
   * layer of the cache.
   */
  private final Map<Buffer, SequenceOp.KvStore> read = new HashMap<>();

  /** The first product of each factor. */
  private final Map<Operand, Op.MatMul> products = new HashMap<>();

  private final Map<HookPoint, HookSource> sources = new LinkedHashMap<>();

  /** The first embedding of tokens. */
  private Op.@Nullable Embed embedding;

  /** Maps edited activations to those before their edits. */
  private final Map<Buffer, Buffer> unedited = new HashMap<>();

  /** Returns the hook points of a model. Its plans for long contexts have the same points. */
  public static HookMap of(Model model) {
    return new HookMap(model.architecture().plan(), model.architecture().layers());
  }

  /** Creates the map of a plan. */
  public HookMap(Plan plan, int layers) {
    this.kv = plan.kv();
    this.recorded = plan.hooks();
    this.layers = layers;
    plan.ops().forEach(this::index);
    add(HookPoint.of(HookSite.EMBED));
    add(HookPoint.of(HookSite.POS_EMBED));
    for (int l = 0; l < layers; l++) {
      for (HookSite site : HookSite.values()) {
        if (site.inBlock()) {
          add(new HookPoint(site, l));
        }
      }
    }
    add(HookPoint.of(HookSite.LN_FINAL_SCALE));
    add(HookPoint.of(HookSite.LN_FINAL_NORMALIZED));
    add(HookPoint.of(HookSite.LOGITS));
  }

  private void index(Op op) {
    writers.add(op);
    switch (op) {
      case SequenceOp.KvStore store -> stores.put(store.layer(), store);
      case SequenceOp.Attention attention when stores.containsKey(attention.layer()) ->
          read.put(attention.z(), stores.get(attention.layer()));
      case Op.MatMul product -> products.putIfAbsent(factor(product), product);
      case Op.Embed e when embedding == null && e.index() == Op.EmbedIndex.TOKENS -> embedding = e;
      default -> {}
    }
  }

  /** Returns the input of a product before it is quantized. */
  private Operand factor(Op.MatMul product) {
    return writers.get(product.x()) instanceof Op.Quantize quantize ? quantize.x() : product.x();
  }

  private void add(HookPoint point) {
    find(point).ifPresent(source -> sources.put(point, source));
  }

  private Optional<? extends HookSource> find(HookPoint point) {
    return switch (point.site()) {
      case LN1_SCALE, LN1_POST_SCALE, LN2_SCALE, LN2_POST_SCALE, LN_FINAL_SCALE ->
          norm(point).map(n -> new HookSource.Norm(n, allRows(n.x()), true));
      case LN1_NORMALIZED,
          LN1_POST_NORMALIZED,
          LN2_NORMALIZED,
          LN2_POST_NORMALIZED,
          LN_FINAL_NORMALIZED ->
          norm(point).map(n -> new HookSource.Norm(n, allRows(n.x()), false));
      case ATTN_SCORES -> scores(point.layer(), false);
      case PATTERN -> scores(point.layer(), true);
      case RESULT -> headResults(point.layer());
      default -> recorded(point).map(HookSource.Written::new);
    };
  }

  /** Returns the activation that the plan records for a point. */
  private Optional<Buffer> recorded(HookPoint point) {
    return Optional.ofNullable(recorded.get(point));
  }

  /** Returns the activation at a point, if the plan writes it. */
  private Optional<Buffer> written(HookPoint point) {
    return find(point).orElse(null) instanceof HookSource.Written(Buffer buffer)
        ? Optional.of(buffer)
        : Optional.empty();
  }

  private Optional<Buffer> recorded(HookSite site, int layer) {
    return recorded(new HookPoint(site, layer));
  }

  private Optional<Op.Norm> norm(HookPoint point) {
    return recorded(point).map(y -> (Op.Norm) writers.of(y));
  }

  /** Returns the buffer that the rows of x have been gathered from, or x. */
  private Buffer allRows(Buffer x) {
    return writers.get(x) instanceof Op.Gather gather ? gather.x() : x;
  }

  private Optional<SequenceOp.Attention> attention(int layer) {
    return recorded(HookSite.PATTERN, layer).map(z -> (SequenceOp.Attention) writers.of(z));
  }

  private Optional<HookSource> scores(int layer, boolean pattern) {
    SequenceOp.Attention attention = attention(layer).orElse(null);
    SequenceOp.KvStore store = attention == null ? null : read.get(attention.z());
    return attention == null || store == null
        ? Optional.empty()
        : Optional.of(new HookSource.Scores(attention, store.k(), pattern));
  }

  private Optional<HookSource.HeadResults> headResults(int layer) {
    return recorded(HookSite.Z, layer)
        .flatMap(
            z ->
                Optional.ofNullable(products.get(z))
                    .map(p -> new HookSource.HeadResults(z, heads(layer), p.weights())));
  }

  /** Returns all points, in the order of a forward pass. */
  public List<HookPoint> points() {
    return List.copyOf(sources.keySet());
  }

  /** Returns the source of a point's values. */
  public HookSource source(HookPoint point) {
    return Objects.requireNonNull(sources.get(point), point::name);
  }

  /** Moves a point to another source. */
  public void move(HookPoint point, HookSource source) {
    sources.put(point, source);
  }

  /** Records the activation before the edits of a buffer. */
  public void edit(Buffer buffer, Buffer before) {
    unedited.put(buffer, before);
  }

  /**
   * Returns the activation that the original operation writes: before its edits, if it has some.
   */
  public Buffer unedited(Buffer buffer) {
    return unedited.getOrDefault(buffer, buffer);
  }

  /** Returns whether the plan writes the values of a point, or can be rewritten to do so. */
  public boolean editable(HookPoint point) {
    return !(source(point) instanceof HookSource.HeadResults)
        && point.site() != HookSite.EXPERT_INDICES;
  }

  /** Returns the residual stream at the input of a block. */
  public Buffer stream(int layer) {
    return buffer(new HookPoint(HookSite.RESID_PRE, layer));
  }

  /** Returns the buffer of a point's activation, or the first that it is derived from. */
  public Buffer buffer(HookPoint point) {
    return source(point).captured().getFirst();
  }

  /** Returns the number of layers. */
  int layers() {
    return layers;
  }

  /**
   * Returns the residual stream that a feed-forward block reads: after attention, or the input of
   * the block if both are parallel.
   */
  public HookPoint beforeMlp(int layer) {
    var mid = new HookPoint(HookSite.RESID_MID, layer);
    return has(mid) ? mid : new HookPoint(HookSite.RESID_PRE, layer);
  }

  /** Returns the first layer with a feed-forward block. */
  public OptionalInt firstMlp() {
    return IntStream.range(0, layers)
        .filter(layer -> has(new HookPoint(HookSite.MLP_OUT, layer)))
        .findFirst();
  }

  /** Returns H, the number of query heads of a layer, or 0 without attention. */
  public int heads(int layer) {
    return attention(layer).map(SequenceOp.Attention::heads).orElse(0);
  }

  /** Returns H_kv, the number of key-value heads of a layer, or 0 without attention. */
  public int kvHeads(int layer) {
    return attention(layer).map(a -> kv.keyValue(a.layer()).heads()).orElse(0);
  }

  /** Returns the layer that provides the keys and values of a layer: itself, or an earlier one. */
  public int keysOf(int layer) {
    return attention(layer)
        .map(a -> read.get(a.z()))
        .map(
            store ->
                IntStream.range(0, layer)
                    .filter(
                        l -> attention(l).filter(b -> store.equals(read.get(b.z()))).isPresent())
                    .findFirst()
                    .orElse(layer))
        .orElse(layer);
  }

  /**
   * Rejects models with layers that share keys and values, for a method that does not support them.
   */
  public void requireOwnKeys(String method) {
    for (int l = 0; l < layers; l++) {
      if (keysOf(l) != l) {
        throw new InvalidInputException(
            method, "", "layer " + l + " reads the keys and values of layer " + keysOf(l));
      }
    }
  }

  /**
   * Returns the product of the factors that scale the residual stream from a block's last sum to
   * the end of the last block.
   */
  public float factorFrom(int layer) {
    float factor = 1;
    for (int l = layer; l < layers; l++) {
      if (recorded(HookSite.RESID_POST, l).map(writers::of).orElse(null)
          instanceof Op.Scale scale) {
        factor *= scale.factor();
      }
    }
    return factor;
  }

  /** Returns the values that attention reads. */
  public Buffer values(SequenceOp.Attention attention) {
    return Objects.requireNonNull(read.get(attention.z())).v();
  }

  /** Returns the first product of an activation. */
  public Op.MatMul product(Buffer x) {
    return Objects.requireNonNull(products.get(x), x::name);
  }

  /** Returns the number of experts per token of a layer, or 0 if it has none. */
  int experts(int layer) {
    return recorded(HookSite.EXPERT_INDICES, layer).map(Buffer::width).orElse(0);
  }

  /** Returns the operations between the product with W_O and the output of attention, in order. */
  public List<Op> afterAttention(int layer) {
    return afterProduct(new HookPoint(HookSite.ATTN_OUT, layer));
  }

  /**
   * Returns the operations between the last matrix product and a point, in order: biases, factors
   * and norms.
   */
  public List<Op> afterProduct(HookPoint point) {
    Deque<Op> path = new ArrayDeque<>();
    Buffer at = written(point).orElseThrow();
    while (true) {
      Op op = writers.of(at);
      switch (op) {
        case Op.AddBias add -> at = add.a();
        case Op.Scale scale -> at = scale.x();
        case Op.Norm norm -> at = norm.x();
        default -> {
          return List.copyOf(path);
        }
      }
      path.addFirst(op);
    }
  }

  /**
   * Returns the matrix product that computes an activation, before biases, factors, norms and
   * clamps.
   *
   * @throws InvalidInputException if the activation is not the product of one matrix, or the
   *     product of a latent vector
   */
  public Op.MatMul product(HookPoint point) {
    @Nullable Op op = written(point).map(writers::of).orElse(null);
    while (op instanceof Op.AddBias
        || op instanceof Op.Scale
        || op instanceof Op.Norm
        || (op instanceof Op.Activation a && a.kind() == Op.ActivationKind.HARD_TANH)) {
      op = writers.get(op.reads().getFirst());
    }
    if (op instanceof Op.MatMul product && !readsLatent(point, product)) {
      return product;
    }
    throw new InvalidInputException(
        "hook",
        point.name(),
        switch (op) {
          case ExpertOp _ -> "is the product of several experts' matrices";
          case Op.MatMul _ -> "is the product of a latent vector, not of the residual stream";
          case null, default -> "is not the product of a matrix";
        });
  }

  /**
   * Returns whether a head input is the product of a normalized latent vector, not of the residual
   * stream.
   */
  private boolean readsLatent(HookPoint point, Op.MatMul product) {
    return HEAD_INPUTS.contains(point.site())
        && writers.get(factor(product)) instanceof Op.Norm norm
        && !norm.equals(norm(new HookPoint(HookSite.LN1_NORMALIZED, point.layer())).orElse(null));
  }

  /** Returns the norm that computes the input of the product at a point, if there is one. */
  public Optional<Op.Norm> normBefore(HookPoint point) {
    return writers.get(factor(product(point))) instanceof Op.Norm norm
        ? Optional.of(norm)
        : Optional.empty();
  }

  /** Returns the embedding of tokens. */
  public Op.Embed embedding() {
    return Objects.requireNonNull(embedding);
  }

  /**
   * Returns the operations that compute some activations from another, in order.
   *
   * @throws InvalidInputException if they read other activations
   */
  public List<Op> between(Buffer x, Buffer... ys) {
    return writers.between(x, ys);
  }

  /** Returns whether the model has a point. */
  public boolean has(HookPoint point) {
    return sources.containsKey(point);
  }

  /**
   * Returns the shape of an activation of n tokens.
   *
   * @param keys number of attended positions
   * @param width elements of a row
   */
  public List<Integer> shape(HookPoint point, int n, int keys, int width) {
    int layer = point.layer();
    return switch (point.site().axes()) {
      case WIDTH, EXPERTS, SHARED, VOCABULARY -> List.of(n, width);
      case ONE -> List.of(n, 1);
      case HEADS -> List.of(n, heads(layer), width / heads(layer));
      case KV_HEADS -> List.of(n, kvHeads(layer), width / kvHeads(layer));
      case QUERY_KEY -> List.of(heads(layer), n, keys);
      case RESULTS -> List.of(n, heads(layer), width);
      case FFN ->
          experts(layer) == 0
              ? List.of(n, width)
              : List.of(n, experts(layer), width / experts(layer));
    };
  }
}
