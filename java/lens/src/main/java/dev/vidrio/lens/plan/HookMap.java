package dev.vidrio.lens.plan;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.ExpertOp;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.hook.HookSite;
import dev.vidrio.model.Model;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The hook points of a plan, in the order of a forward pass, and where their values come from. */
public final class HookMap {
  private final Writers writers = new Writers();
  private final KvShape kv;
  private final int layers;
  private final Map<Integer, SequenceOp.KvStore> stores = new HashMap<>();
  private final Products products = new Products();
  private final Map<HookPoint, HookSource> sources = new LinkedHashMap<>();

  /** The first embedding of tokens. */
  private Op.@Nullable Embed embedding;

  /** What edited activations were before. */
  private final Map<Buffer, Buffer> unedited = new HashMap<>();

  /** Of a model, for contexts that are not long; its plans for others have the same points. */
  public static HookMap of(Model model) {
    return new HookMap(model.architecture().plan(), model.architecture().layers());
  }

  /** Of a plan. */
  public HookMap(Plan plan, int layers) {
    this.kv = plan.kv();
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
    products.add(op);
    switch (op) {
      case SequenceOp.KvStore store -> stores.put(store.layer(), store);
      case Op.Embed e when embedding == null && e.index() == Op.EmbedIndex.TOKENS -> embedding = e;
      default -> {}
    }
  }

  private void add(HookPoint point) {
    find(point).ifPresent(source -> sources.put(point, source));
  }

  private Optional<? extends HookSource> find(HookPoint point) {
    return switch (point.site()) {
      case RESID_PRE -> residPre(point.layer()).map(HookSource.Written::new);
      case LN1_SCALE -> scale(norm(ln1(point.layer())));
      case LN1_NORMALIZED -> normalized(norm(ln1(point.layer())));
      case LN1_POST_SCALE -> scale(behind(HookSite.ATTN_OUT, ln1(point.layer()), point));
      case LN1_POST_NORMALIZED -> normalized(behind(HookSite.ATTN_OUT, ln1(point.layer()), point));
      case LN2_SCALE -> scale(norm(ln2(point.layer())));
      case LN2_NORMALIZED -> normalized(norm(ln2(point.layer())));
      case LN2_POST_SCALE -> scale(behind(HookSite.MLP_OUT, ln2(point.layer()), point));
      case LN2_POST_NORMALIZED -> normalized(behind(HookSite.MLP_OUT, ln2(point.layer()), point));
      case LN_FINAL_SCALE -> norm("ln_final").map(n -> new HookSource.NormScale(n, allRows(n.x())));
      case LN_FINAL_NORMALIZED ->
          norm("ln_final").map(n -> new HookSource.Normalized(n, allRows(n.x())));
      case ATTN_SCORES -> scores(point.layer(), false);
      case PATTERN -> scores(point.layer(), true);
      case RESULT -> headResults(point.layer());
      default -> writers.written(point.name()).map(HookSource.Written::new);
    };
  }

  private static String block(int layer, String name) {
    return "blocks." + layer + "." + name;
  }

  /**
   * What the block calls so, or what its first sum adds to; where it has none, what it hands on.
   */
  private Optional<Buffer> residPre(int layer) {
    @Nullable Op mid = writers.get(block(layer, "hook_resid_mid"));
    @Nullable Op first = mid == null ? writers.get(block(layer, "hook_resid_post")) : mid;
    Optional<Buffer> added =
        switch (first) {
          case Op.Add add -> Optional.of(add.a());
          case Op.Scale scale -> Optional.of(scale.x());
          case null, default -> Optional.empty();
        };
    return writers.written(block(layer, HookSite.RESID_PRE.suffix())).or(() -> added);
  }

  /** The norm before attention; where there is none, the one after it. */
  private String ln1(int layer) {
    return writers.has(block(layer, "ln1")) ? block(layer, "ln1") : block(layer, "hook_attn_out");
  }

  /** The norm before the feed-forward block; where no sublayer has one, the one after it. */
  private String ln2(int layer) {
    boolean before = writers.has(block(layer, "ln1")) || writers.has(block(layer, "ln2"));
    return before ? block(layer, "ln2") : block(layer, "hook_mlp_out");
  }

  /** The norm between a sublayer and the stream, where it is not the first of the sublayer. */
  private Optional<Op.Norm> behind(HookSite out, String first, HookPoint point) {
    String name = block(point.layer(), out.suffix());
    return name.equals(first) ? Optional.empty() : norm(name);
  }

  private static Optional<HookSource> scale(Optional<Op.Norm> norm) {
    return norm.map(n -> new HookSource.NormScale(n, n.x()));
  }

  private static Optional<HookSource> normalized(Optional<Op.Norm> norm) {
    return norm.map(n -> new HookSource.Normalized(n, n.x()));
  }

  /** A norm, behind which may stand a factor. */
  private Optional<Op.Norm> norm(String name) {
    @Nullable Op last = writers.get(name);
    @Nullable Op op = last instanceof Op.Scale scale ? writers.get(scale.x().name()) : last;
    return op instanceof Op.Norm norm ? Optional.of(norm) : Optional.empty();
  }

  /** What rows of x were gathered from. */
  private Buffer allRows(Buffer x) {
    return writers.get(x.name()) instanceof Op.Gather gather ? gather.x() : x;
  }

  /** Attention, behind which may stand a gate or a norm. */
  private Optional<SequenceOp.Attention> attention(int layer) {
    String ungated = block(layer, HookSite.Z_PRE.suffix());
    String z = writers.has(ungated) ? ungated : block(layer, HookSite.Z.suffix());
    return writers.get(z) instanceof SequenceOp.Attention a ? Optional.of(a) : Optional.empty();
  }

  private Optional<HookSource> scores(int layer, boolean pattern) {
    SequenceOp.Attention attention = attention(layer).orElse(null);
    SequenceOp.KvStore store = attention == null ? null : stores.get(attention.layer());
    return attention == null || store == null
        ? Optional.empty()
        : Optional.of(new HookSource.Scores(attention, store.k(), pattern));
  }

  private Optional<HookSource.HeadResults> headResults(int layer) {
    return writers
        .written(block(layer, HookSite.Z.suffix()))
        .flatMap(
            z ->
                Optional.ofNullable(products.find(z))
                    .map(p -> new HookSource.HeadResults(z, heads(layer), p.weights())));
  }

  /** All points, in the order of a forward pass. */
  public List<HookPoint> points() {
    return List.copyOf(sources.keySet());
  }

  /** Where the values of a point come from. */
  public HookSource source(HookPoint point) {
    return Objects.requireNonNull(sources.get(point), point::name);
  }

  /** Says where a point's values come from now. */
  void move(HookPoint point, HookSource source) {
    sources.put(point, source);
  }

  /** Says what an activation is before its edits now. */
  void edit(Buffer buffer, Buffer before) {
    unedited.put(buffer, before);
  }

  /** What the operation that makes an activation writes: before its edits, where it has some. */
  Buffer unedited(Buffer buffer) {
    return unedited.getOrDefault(buffer, buffer);
  }

  /** Whether the values of a point are an activation that the plan has, or can be made to have. */
  public boolean editable(HookPoint point) {
    return !(source(point) instanceof HookSource.HeadResults)
        && point.site() != HookSite.EXPERT_INDICES;
  }

  /** What a block reads. */
  public Buffer stream(int layer) {
    return source(new HookPoint(HookSite.RESID_PRE, layer)).captured().getFirst();
  }

  /** The stream that a feed-forward block reads, where it stands behind attention or beside it. */
  public HookPoint beforeMlp(int layer) {
    var mid = new HookPoint(HookSite.RESID_MID, layer);
    return has(mid) ? mid : new HookPoint(HookSite.RESID_PRE, layer);
  }

  /** The first layer with a feed-forward block. */
  public OptionalInt firstMlp() {
    return IntStream.range(0, layers)
        .filter(layer -> has(new HookPoint(HookSite.MLP_OUT, layer)))
        .findFirst();
  }

  /** H, query heads of a layer; 0 where it has no attention. */
  public int heads(int layer) {
    return attention(layer).map(SequenceOp.Attention::heads).orElse(0);
  }

  /** H_kv, key-value heads of a layer; 0 where it has no attention. */
  public int kvHeads(int layer) {
    return attention(layer).map(a -> kv.keyValue(a.layer()).heads()).orElse(0);
  }

  /** The layer whose keys and values one reads: itself, or an earlier one. */
  public int keysOf(int layer) {
    return attention(layer).map(a -> BlockInputs.number(values(a))).orElse(layer);
  }

  /** Checks that each layer has keys and values of its own, which a method needs. */
  public void requireOwnKeys(String method) {
    for (int l = 0; l < layers; l++) {
      if (keysOf(l) != l) {
        throw new InvalidInputException(
            method, "", "layer " + l + " reads the keys and values of layer " + keysOf(l));
      }
    }
  }

  /** What the stream is multiplied by from the sums of a block on to the end of the last block. */
  public float factorFrom(int layer) {
    float factor = 1;
    for (int l = layer; l < layers; l++) {
      if (writers.get(block(l, HookSite.RESID_POST.suffix())) instanceof Op.Scale scale) {
        factor *= scale.factor();
      }
    }
    return factor;
  }

  /** What the attention takes the mean of. */
  Buffer values(SequenceOp.Attention attention) {
    return Objects.requireNonNull(stores.get(attention.layer())).v();
  }

  /** The first product of an activation. */
  Op.MatMul product(Buffer x) {
    return Objects.requireNonNull(products.find(x), x::name);
  }

  /** The experts that a token of a layer goes to; 0 where it has none. */
  int experts(int layer) {
    return writers
        .written(block(layer, HookSite.EXPERT_INDICES.suffix()))
        .map(Buffer::width)
        .orElse(0);
  }

  /** The operations between the product with W_O and the output of attention, in order. */
  public List<Op> afterAttention(int layer) {
    return afterProduct(new HookPoint(HookSite.ATTN_OUT, layer));
  }

  /** The operations between the last product and what it becomes at a point, in order. */
  public List<Op> afterProduct(HookPoint point) {
    Deque<Op> path = new ArrayDeque<>();
    Buffer at = writers.written(point.name()).orElseThrow();
    while (true) {
      Op op = Objects.requireNonNull(writers.get(at.name()));
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
   * The product that an activation is made by; what is added to it and multiplied with it after
   * that aside, and how it is clamped.
   *
   * @throws InvalidInputException when no one product makes it, or one of a latent vector
   */
  public Op.MatMul product(HookPoint point) {
    @Nullable Op op = writers.get(writers.written(point.name()).map(Buffer::name).orElse(""));
    while (op instanceof Op.AddBias
        || op instanceof Op.Scale
        || op instanceof Op.Norm
        || (op instanceof Op.Activation a && a.kind() == Op.ActivationKind.HARD_TANH)) {
      op = writers.get(op.reads().getFirst().name());
    }
    if (op instanceof Op.MatMul product && !readsLatent(point, product)) {
      return product;
    }
    throw new InvalidInputException(
        "hook",
        point.name(),
        switch (op) {
          case ExpertOp _ -> "is made by the matrices of several experts, not by one";
          case Op.MatMul _ -> "is made of a normalized latent vector, not of the stream";
          case null, default -> "is not made by the product with a matrix";
        });
  }

  /** Whether latent attention makes it of a short vector, which is no linear map of the stream. */
  private boolean readsLatent(HookPoint point, Op.MatMul product) {
    return point.site().inBlock()
        && point.site() != HookSite.ATTN_OUT
        && writers.get(products.factor(product).name()) instanceof Op.Norm norm
        && norm.y().name().startsWith(block(point.layer(), "attn."));
  }

  /** The norm whose output the product of a point multiplies, where it does so. */
  public Optional<Op.Norm> normBefore(HookPoint point) {
    return norm(products.factor(product(point)).name());
  }

  /** The embedding of tokens. */
  public Op.Embed embedding() {
    return Objects.requireNonNull(embedding);
  }

  /**
   * The operations that make some activations of another, in order.
   *
   * @throws InvalidInputException when they read more than that one
   */
  public List<Op> between(Buffer x, Buffer... ys) {
    return writers.between(x, ys);
  }

  /** Whether the model has this point. */
  public boolean has(HookPoint point) {
    return sources.containsKey(point);
  }

  /**
   * The shape of an activation of n tokens.
   *
   * @param keys positions that they attend to
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
