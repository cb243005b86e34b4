package dev.vidrio.model.block;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.PositionBias;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.DraftPlan;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The parts of a model: each method takes weights from the model file and writes the operations on
 * them. The order of calls is the order of the model.
 */
public final class Transformer {
  /** Distances from here on share the last bucket: in T5 and in MPNet. */
  private static final int MAX_BUCKET_DISTANCE = 128;

  private static final String RMS_EPSILON = "attention.layer_norm_rms_epsilon";
  private static final String LAYER_NORM_EPSILON = "attention.layer_norm_epsilon";

  private final Hyperparameters params;
  private final ModelDimensions dimensions;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final NormKind norm;
  private final boolean gains;
  private final float epsilon;
  private final Map<List<Integer>, Weights> spreads = new HashMap<>();
  private final Map<String, Weights> unembeddings;

  /**
   * Starts a model.
   *
   * @param norm kind of all norms
   * @param gains true if norms have a gain
   */
  public Transformer(
      Hyperparameters params,
      ModelDimensions dimensions,
      WeightLoader weights,
      NormKind norm,
      boolean gains) {
    this(params, dimensions, weights, norm, gains, new HashMap<>());
  }

  /** Starts a model with RMSNorm. */
  Transformer(Hyperparameters params, ModelDimensions dimensions, WeightLoader weights) {
    this(params, dimensions, weights, NormKind.RMS, true);
  }

  private Transformer(
      Hyperparameters params,
      ModelDimensions dimensions,
      WeightLoader weights,
      NormKind norm,
      boolean gains,
      Map<String, Weights> unembeddings) {
    this.params = params;
    this.dimensions = dimensions;
    this.weights = weights;
    this.plan = new PlanBuilder(dimensions.kvShape());
    this.norm = norm;
    this.gains = gains;
    this.epsilon = params.floatValue(epsilonKey(params, norm), Float.MIN_NORMAL, 1);
    this.unembeddings = unembeddings;
  }

  /**
   * Starts the draft block, the layer after the last one, with a plan of its own. It shares the
   * unembedding with this model.
   */
  public Transformer draftBlock() {
    return new Transformer(params, dimensions.withDraftLayer(), weights, norm, gains, unembeddings);
  }

  /** Returns the key of the epsilon; some files have only that of the other kind of norm. */
  private static String epsilonKey(Hyperparameters params, NormKind norm) {
    String own = norm == NormKind.RMS ? RMS_EPSILON : LAYER_NORM_EPSILON;
    String other = norm == NormKind.RMS ? LAYER_NORM_EPSILON : RMS_EPSILON;
    return params.has(other) && !params.has(own) ? other : own;
  }

  public Hyperparameters params() {
    return params;
  }

  public ModelDimensions dimensions() {
    return dimensions;
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

  /** Returns the epsilon of norms. */
  float epsilon() {
    return epsilon;
  }

  /** Returns a reader of RoPE. */
  public RopeReader rope(Rotation.Pairs pairs) {
    return new RopeReader(params, weights, dimensions, pairs);
  }

  /** Returns the number of rows of the matrix {@code tensor.weight}. */
  public int rows(String tensor) {
    return (int)
        Math.min(params.gguf().tensor(tensor + ".weight").dim(1), ModelDimensions.MAX_WIDTH);
  }

  /** Returns the layers, first to last. */
  public List<Layer> layers() {
    return IntStream.range(0, dimensions.layers()).mapToObj(l -> new Layer(this, l)).toList();
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
    return plan.embed(
        name, weights.table("token_embd.weight", dimensions.vocabulary(), dimensions.d()));
  }

  /** Writes the sum of the embeddings of tokens and learned embeddings of positions. */
  public Buffer embedWithPositions() {
    Buffer tokens = embed();
    Weights table =
        weights.table("position_embd.weight", dimensions.contextLength(), dimensions.d());
    Buffer positions = plan.embedPositions(hook(HookSite.POS_EMBED), table, 0);
    return plan.add(layers().getFirst().hook(HookSite.RESID_PRE), tokens, positions);
  }

  /**
   * Writes the normalized sum of the embeddings of tokens, of their types if the file has such, and
   * of positions if there is a table of them.
   */
  public Buffer embedForEncoder() {
    Buffer x = embed();
    if (weights.has("token_types.weight")) {
      Weights table = weights.table("token_types.weight", rows("token_types"), dimensions.d());
      Buffer types = plan.embedTypes("hook_token_type_embed", table);
      x = plan.add("hook_embed.typed", x, types);
    }
    if (weights.has("position_embd.weight")) {
      Weights table =
          weights.table("position_embd.weight", dimensions.contextLength(), dimensions.d());
      Buffer positions = plan.embedPositions(hook(HookSite.POS_EMBED), table, 0);
      x = plan.add("hook_embed.sum", x, positions);
    }
    return weights.has("token_embd_norm.weight")
        ? norm("hook_full_embed", "token_embd_norm", x)
        : x;
  }

  /** Writes a norm with the gain {@code tensor.weight} and, if the file has one, a bias. */
  public Buffer norm(String hook, String tensor, Buffer x) {
    return norm(hook, tensor, epsilon, x);
  }

  /** Writes a norm with another epsilon. */
  Buffer norm(String hook, String tensor, float epsilon, Buffer x) {
    // Files of some models leave out what kind of tensor a gain is.
    String gainName = weights.has(tensor) ? tensor : tensor + ".weight";
    @Nullable Weights gain = gains ? weights.vector(gainName, x.width()) : null;
    return plan.norm(hook, norm, x, epsilon, gain, bias(tensor, x.width()));
  }

  /** Writes a norm with a gain. */
  public Buffer norm(String hook, Weights gain, Buffer x) {
    return plan.norm(hook, norm, x, epsilon, gain, null);
  }

  /**
   * Writes a norm per head of d_h elements.
   *
   * @param gains d_h for one gain of all heads, or the width of x for one per head
   */
  Buffer headNorm(String hook, String tensor, int dH, int gains, Buffer x) {
    return headNorm(hook, tensor, dH, gains, epsilon, x);
  }

  /** Writes a norm per head with another epsilon. */
  Buffer headNorm(String hook, String tensor, int dH, int gains, float own, Buffer x) {
    Weights gain = weights.vectors(tensor + ".weight", gains / dH, dH);
    return plan.headNorm(hook, norm, dH, x, own, gain);
  }

  /** Writes a norm per head of d_h elements, without a gain. */
  Buffer headNorm(String hook, int dH, Buffer x) {
    return plan.headNorm(hook, norm, dH, x, epsilon, null);
  }

  /**
   * Returns ALiBi (Press et al. 2022, arXiv 2108.12409). The slopes [H] are powers of 2^(−maxBias /
   * n) for n heads. If H is not a power of two, n is the next one, and its even powers come first.
   */
  public PositionBias alibi(float maxBias) {
    int heads = dimensions.heads();
    int n = Integer.highestOneBit(2 * heads - 1);
    var slopes = new float[heads];
    for (int h = 0; h < heads; h++) {
      int power = n == heads ? h + 1 : h < n / 2 ? 2 * (h + 1) : 2 * (h - n / 2) + 1;
      slopes[h] = (float) StrictMath.pow(2, -maxBias * (double) power / n);
    }
    return new PositionBias.Linear(weights.constants("alibi.slopes", slopes));
  }

  /**
   * Takes the biases [buckets, H] of distances, which all layers share, as the file says how many
   * buckets there are.
   */
  public PositionBias distanceBiases() {
    int buckets = params.intValue("attention.relative_buckets_count", 4, 1 << 12);
    return new DistanceBuckets(buckets, MAX_BUCKET_DISTANCE)
        .bias(weights, "attn_rel_b.weight", dimensions.heads());
  }

  /**
   * Returns the matrix [H · n, H] of ones and zeros that repeats the element of each head n times.
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

  /** Returns the product with a constant. */
  public Sublayer scale(float factor) {
    return (hook, x) -> plan.scale(hook, factor, x);
  }

  /** Returns the unembedding with softly capped logits; a cap of 0 means none. */
  public Sublayer cappedUnembedding(float cap) {
    return cap == 0
        ? unembedding()
        : unembedding().then("uncapped", (hook, x) -> plan.softCap(hook, cap, x));
  }

  /**
   * Writes a projection to n elements by {@code tensor.weight} and, if the file has one, a bias.
   */
  public Buffer linear(String hook, String tensor, int n, Buffer x) {
    Weights matrix = weights.matrix(tensor + ".weight", n, x.width());
    return plan.linear(hook, matrix, bias(tensor, n), x);
  }

  private @Nullable Weights bias(String tensor, int n) {
    return weights.optionalVector(tensor + ".bias", n);
  }

  /** Returns the projection to logits, by the embedding if they are tied. */
  public Sublayer unembedding() {
    String tensor = unembeddingTensor();
    return (hook, x) ->
        plan.linear(hook, unembeddingMatrix(x.width()), bias(tensor, dimensions.vocabulary()), x);
  }

  /** Returns the matrix [V, k] of the unembedding. */
  Weights unembeddingMatrix(int k) {
    return unembeddings.computeIfAbsent(
        unembeddingTensor(), name -> weights.matrix(name + ".weight", dimensions.vocabulary(), k));
  }

  private String unembeddingTensor() {
    return weights.has("output.weight") ? "output" : "token_embd";
  }

  /** Writes {@link #finish(String, Buffer, Sublayer)} with the usual tensor of the norm. */
  public Architecture finish(Buffer residual, Sublayer logits) {
    return finish("output_norm", residual, logits);
  }

  /**
   * Writes the final norm and the logits of the requested rows.
   *
   * @param norm tensor of the final norm
   * @param residual output of the last layer
   * @param logits the unembedding, with what the architecture computes after it
   * @return the model with its plan, from token ids to logits
   */
  public Architecture finish(String norm, Buffer residual, Sublayer logits) {
    writeLogits(norm, residual, logits);
    return architecture();
  }

  /**
   * Writes {@link #finish(String, Buffer, Sublayer)} of a model with a draft block.
   *
   * @param block the draft block
   */
  public Architecture finish(String norm, Buffer residual, Sublayer logits, DraftBlock block) {
    Buffer states = block.states(this, norm, residual);
    writeLogits(norm, residual, logits);
    DraftPlan draft = weights.uncounted(() -> block.write(norm));
    Architecture model = architecture();
    List<Op> keys = DraftBlock.keys(model.plan().ops(), draft.plan().ops(), states);
    return model.withDraft(keys, draft);
  }

  private void writeLogits(String norm, Buffer residual, Sublayer logits) {
    Buffer chosen = plan.gather("resid_post.chosen", residual);
    Buffer normalized = norm("ln_final", norm, chosen);
    plan.hook(HookPoint.of(HookSite.LN_FINAL_SCALE), normalized);
    plan.hook(HookPoint.of(HookSite.LN_FINAL_NORMALIZED), normalized);
    plan.output(logits.write(hook(HookSite.LOGITS), normalized));
  }

  /**
   * Completes an encoder that outputs the last hidden states [rows, d] of the requested rows.
   *
   * @param norm tensor of a norm after the last layer, or null for none
   * @param hidden output of the last layer
   */
  public Architecture finishEncoder(@Nullable String norm, Buffer hidden) {
    Buffer chosen = plan.gather(norm == null ? "hidden" : "resid_post.chosen", hidden);
    if (norm == null) {
      plan.output(chosen);
      return architecture();
    }
    Buffer normalized = norm("ln_final", norm, chosen);
    plan.hook(HookPoint.of(HookSite.LN_FINAL_SCALE), normalized);
    plan.hook(HookPoint.of(HookSite.LN_FINAL_NORMALIZED), normalized);
    plan.output(normalized);
    return architecture();
  }

  /** Checks that the whole file was read, and returns the model with its plan. */
  private Architecture architecture() {
    weights.finish();
    params.finish();
    return new Architecture(
        params.architecture(),
        dimensions.d(),
        dimensions.layers(),
        dimensions.heads(),
        dimensions.dExpert(),
        dimensions.vocabulary(),
        dimensions.contextLength(),
        weights.bytesPerToken(),
        plan.build(),
        null,
        null);
  }
}
