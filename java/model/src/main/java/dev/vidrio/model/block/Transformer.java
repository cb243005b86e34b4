package dev.vidrio.model.block;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What architectures are put together from: each method takes weights out of the model file and
 * writes down the operations on them. An architecture is the order of these calls.
 */
public final class Transformer {
  private static final String RMS_EPSILON = "attention.layer_norm_rms_epsilon";
  private static final String LAYER_NORM_EPSILON = "attention.layer_norm_epsilon";

  private final Keys keys;
  private final Sizes sizes;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final NormKind norm;
  private final boolean gains;
  private final float epsilon;
  private final Map<List<Integer>, Weights> spreads = new HashMap<>();

  /**
   * @param norm which all norms of the model are
   */
  public Transformer(Keys keys, WeightLoader weights, NormKind norm) {
    this(keys, weights, norm, true);
  }

  /**
   * @param norm which all norms of the model are
   * @param gains whether they have a gain
   */
  public Transformer(Keys keys, WeightLoader weights, NormKind norm, boolean gains) {
    this(keys, Sizes.read(keys, 0), weights, norm, gains);
  }

  /**
   * The same with blocks that draft tokens (multi-token prediction), which are passed over.
   *
   * @param drafts how many, behind the layers
   */
  public Transformer(Keys keys, WeightLoader weights, NormKind norm, int drafts) {
    this(keys, Sizes.read(keys, drafts), weights, norm, true);
    weights.ignoreBlocks(sizes.layers(), drafts);
  }

  /**
   * @param norm which all norms of the model are
   * @param gains whether they have a gain
   */
  public Transformer(Keys keys, Sizes sizes, WeightLoader weights, NormKind norm, boolean gains) {
    this.keys = keys;
    this.sizes = sizes;
    this.weights = weights;
    this.plan = new PlanBuilder(sizes.kvShape());
    this.norm = norm;
    this.gains = gains;
    this.epsilon = keys.floatValue(epsilonKey(keys, norm), Float.MIN_NORMAL, 1);
  }

  /** Files of some models say the epsilon of the other norm alone. */
  private static String epsilonKey(Keys keys, NormKind norm) {
    String own = norm == NormKind.RMS ? RMS_EPSILON : LAYER_NORM_EPSILON;
    String other = norm == NormKind.RMS ? LAYER_NORM_EPSILON : RMS_EPSILON;
    return keys.has(other) && !keys.has(own) ? other : own;
  }

  public Keys keys() {
    return keys;
  }

  public Sizes sizes() {
    return sizes;
  }

  public WeightLoader weights() {
    return weights;
  }

  public PlanBuilder plan() {
    return plan;
  }

  /**
   * Returns the name for the activation at a hook point outside blocks, and records that the
   * activation with this name is the one at the point.
   */
  public String hook(HookSite site) {
    return plan.name(HookPoint.of(site));
  }

  /** The epsilon of its norms. */
  float epsilon() {
    return epsilon;
  }

  /** The reader of its rotations. */
  public RopeReader rope(Rotation.Pairs pairs) {
    return new RopeReader(keys, weights, sizes, pairs);
  }

  /** Rows of the matrix {@code tensor.weight}, where no key says them. */
  public int rows(String tensor) {
    return (int) Math.min(keys.gguf().tensor(tensor + ".weight").dim(1), Sizes.MAX_WIDTH);
  }

  /** The layers, first to last. */
  public List<Layer> layers() {
    return IntStream.range(0, sizes.layers()).mapToObj(l -> new Layer(this, l)).toList();
  }

  /**
   * Writes down blocks that all normalize what they read ({@link Layer#preNorm}).
   *
   * @param residPre the residual stream before the first
   * @param ffn the feed-forward block of a layer
   */
  public Buffer preNorm(Buffer residPre, Attention attention, Function<Layer, Sublayer> ffn) {
    Buffer x = residPre;
    for (Layer layer : layers()) {
      x = layer.preNorm(x, layer.attention(attention), ffn.apply(layer));
    }
    return x;
  }

  /** The token embeddings times a constant, as {@code hook_embed}. */
  public Buffer embed(float factor) {
    String hook = hook(HookSite.EMBED);
    return scale(factor).write(hook, embed(hook + ".unscaled"));
  }

  /** The token embeddings, as {@code hook_embed}. */
  public Buffer embed() {
    return embed(hook(HookSite.EMBED));
  }

  /** The token embeddings after a norm, as {@code hook_embed}. */
  public Buffer normalizedEmbedding() {
    String hook = hook(HookSite.EMBED);
    return norm(hook, "token_embd_norm", embed(hook + ".unnormalized"));
  }

  private Buffer embed(String name) {
    return plan.embed(name, weights.table("token_embd.weight", sizes.vocabulary(), sizes.d()));
  }

  /** The sum of the tokens' embeddings and learned ones of their positions: the stream. */
  public Buffer embedWithPositions() {
    Buffer tokens = embed();
    Weights table = weights.table("position_embd.weight", sizes.contextLength(), sizes.d());
    Buffer positions = plan.embedPositions(hook(HookSite.POS_EMBED), table, 0);
    return plan.add(layers().getFirst().hook(HookSite.RESID_PRE), tokens, positions);
  }

  /** A norm with the gain {@code tensor.weight} and, where the file has one, a bias. */
  public Buffer norm(String hook, String tensor, Buffer x) {
    return norm(hook, tensor, epsilon, x);
  }

  /** The same with an epsilon of its own. */
  Buffer norm(String hook, String tensor, float epsilon, Buffer x) {
    // Files of some models leave out what kind of tensor a gain is.
    String gainName = weights.has(tensor) ? tensor : tensor + ".weight";
    @Nullable Weights gain = gains ? weights.vector(gainName, x.width()) : null;
    return plan.norm(hook, norm, x, epsilon, gain, bias(tensor, x.width()));
  }

  /** A norm with a gain. */
  public Buffer norm(String hook, Weights gain, Buffer x) {
    return plan.norm(hook, norm, x, epsilon, gain, null);
  }

  /**
   * A norm of each head of d_h elements on its own.
   *
   * @param gains d_h elements for all heads, or as many as x has, where each has its own
   */
  Buffer headNorm(String hook, String tensor, int dH, int gains, Buffer x) {
    return headNorm(hook, tensor, dH, gains, epsilon, x);
  }

  /** The same with an epsilon of its own. */
  Buffer headNorm(String hook, String tensor, int dH, int gains, float own, Buffer x) {
    Weights gain = weights.vectors(tensor + ".weight", gains / dH, dH);
    return plan.headNorm(hook, norm, dH, x, own, gain);
  }

  /** A norm of each head of d_h elements on its own, without a gain. */
  Buffer headNorm(String hook, int dH, Buffer x) {
    return plan.headNorm(hook, norm, dH, x, epsilon, null);
  }

  /**
   * The slopes of ALiBi (Press et al. 2022, arXiv 2108.12409): powers of 2^(−maxBias / n) for n
   * heads. Where H is no power of two, the even powers of the next one come first.
   */
  public Weights alibiSlopes(float maxBias) {
    int heads = sizes.heads();
    int n = Integer.highestOneBit(2 * heads - 1);
    var slopes = new float[heads];
    for (int h = 0; h < heads; h++) {
      int power = n == heads ? h + 1 : h < n / 2 ? 2 * (h + 1) : 2 * (h - n / 2) + 1;
      slopes[h] = (float) StrictMath.pow(2, -maxBias * (double) power / n);
    }
    return weights.constants("alibi.slopes", slopes);
  }

  /**
   * The matrix [H · n, H] of ones and zeros that gives each head's element n times over: for each
   * element of the head.
   */
  Weights spread(int heads, int n) {
    return spreads.computeIfAbsent(
        List.of(heads, n),
        _ -> {
          var ones = new float[heads * n * heads];
          for (int i = 0; i < heads * n; i++) {
            ones[i * heads + i / n] = 1;
          }
          return weights.constants("spread." + heads + "." + n, heads * n, heads, ones);
        });
  }

  /** The product with a constant. */
  public Sublayer scale(float factor) {
    return (hook, x) -> plan.scale(hook, factor, x);
  }

  /** The soft cap of logits; nothing where it is 0. */
  public Sublayer cappedUnembedding(float cap) {
    return cap == 0
        ? unembedding()
        : unembedding().then("uncapped", (hook, x) -> plan.softCap(hook, cap, x));
  }

  /** A projection to n elements by {@code tensor.weight} and, where the file has one, a bias. */
  public Buffer linear(String hook, String tensor, int n, Buffer x) {
    Weights matrix = weights.matrix(tensor + ".weight", n, x.width());
    return plan.linear(hook, matrix, bias(tensor, n), x);
  }

  private @Nullable Weights bias(String tensor, int n) {
    return weights.optionalVector(tensor + ".bias", n);
  }

  /** The projection to logits, by the embedding where they share it. */
  public Sublayer unembedding() {
    String tensor = weights.has("output.weight") ? "output" : "token_embd";
    return (hook, x) -> linear(hook, tensor, sizes.vocabulary(), x);
  }

  /**
   * Ends the model: the norm of the rows that ask for logits, and their logits.
   *
   * @param norm the tensor of that norm
   * @param residual the last layer's output
   * @param logits the unembedding, and what the architecture has after it
   * @return the plan, from token ids to logits
   */
  public Plan finish(String norm, Buffer residual, Sublayer logits) {
    Buffer chosen = plan.gather("resid_post.chosen", residual);
    Buffer normalized = norm("ln_final", norm, chosen);
    plan.hook(HookPoint.of(HookSite.LN_FINAL_SCALE), normalized);
    plan.hook(HookPoint.of(HookSite.LN_FINAL_NORMALIZED), normalized);
    plan.output(logits.write(hook(HookSite.LOGITS), normalized));
    weights.finish();
    keys.finish();
    return plan.build();
  }
}
