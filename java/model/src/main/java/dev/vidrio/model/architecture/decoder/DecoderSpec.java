package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.Architecture.LongContext;
import dev.vidrio.model.block.DraftBlock;
import dev.vidrio.model.block.DraftSource;
import dev.vidrio.model.block.EagleBlock;
import dev.vidrio.model.block.EagleHead;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.MtpBlock;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * A decoder-only transformer as an immutable description: one strategy for each part of the model.
 * The default is a pre-norm model with RMSNorm, SwiGLU and a plain embedding and unembedding; only
 * its attention has to be named.
 *
 * <pre>{@code
 * DecoderSpec.of(AttentionSpec.rope(Rotation.Pairs.HALVES).queryKeyNorm(QueryKeyNorm.PER_HEAD))
 *     .feedForward(FeedForwardSpec.gated(ActivationKind.GELU_TANH));
 * }</pre>
 *
 * <p>A part that only one model has is a lambda in that model's entry, never a flag here.
 */
public final class DecoderSpec implements DecoderReader, Cloneable {
  /** Reads the dimensions of a model. */
  @FunctionalInterface
  public interface DimensionReader {
    /**
     * Reads the dimensions.
     *
     * @param draftBlocks number of the file's blocks that are not layers of the model
     */
    ModelDimensions read(Hyperparameters params, int draftBlocks);
  }

  private final MixerSpec mixer;
  private DimensionReader dimensions = ModelDimensions::read;
  private ToIntFunction<Hyperparameters> draftBlocks = params -> 0;
  private boolean runsDraftBlock;
  private Function<Hyperparameters, NormKind> norm = params -> NormKind.RMS;
  private boolean gains = true;
  private Embedding embedding = Embedding.PLAIN;
  private FeedForwardSpec feedForward = FeedForwardSpec.gated(ActivationKind.SILU);
  private BlockOrder block = BlockOrder.PRE_NORM;
  private String finalNorm = "output_norm";
  private Unembedding unembedding = Unembedding.PLAIN;
  private @Nullable Function<Transformer, Rotation> longRope;

  private DecoderSpec(MixerSpec mixer) {
    this.mixer = mixer;
  }

  /** Returns the default description with the given attention, or with what replaces it. */
  public static DecoderSpec of(MixerSpec mixer) {
    return new DecoderSpec(mixer);
  }

  private DecoderSpec with(Consumer<DecoderSpec> change) {
    DecoderSpec copy;
    try {
      copy = (DecoderSpec) clone();
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
    change.accept(copy);
    return copy;
  }

  /** Replaces the reader of the dimensions, for models with layers that differ. */
  public DecoderSpec dimensions(DimensionReader newDimensions) {
    return with(spec -> spec.dimensions = newDimensions);
  }

  /** Skips the file's blocks for multi-token prediction, which follow the layers. */
  public DecoderSpec skipDraftBlocks() {
    return with(spec -> spec.draftBlocks = ModelDimensions::draftBlocks);
  }

  /**
   * Reads the file's block for multi-token prediction, which follows the layers and is one more, if
   * it is wanted, and skips it otherwise.
   */
  public DecoderSpec draftBlock() {
    return skipDraftBlocks().with(spec -> spec.runsDraftBlock = true);
  }

  /** Replaces RMSNorm by LayerNorm. */
  public DecoderSpec layerNorm() {
    return norm(params -> NormKind.LAYER);
  }

  /** Replaces the kind of all norms by one that depends on the file. */
  public DecoderSpec norm(Function<Hyperparameters, NormKind> newNorm) {
    return with(spec -> spec.norm = newNorm);
  }

  /** Removes the gains of all norms. */
  public DecoderSpec withoutGains() {
    return with(spec -> spec.gains = false);
  }

  /** Replaces the embedding. */
  public DecoderSpec embedding(Embedding newEmbedding) {
    return with(spec -> spec.embedding = newEmbedding);
  }

  /** Replaces the feed-forward blocks. */
  public DecoderSpec feedForward(FeedForwardSpec newFeedForward) {
    return with(spec -> spec.feedForward = newFeedForward);
  }

  /** Replaces the order of a layer's norms, sublayers and residual additions. */
  public DecoderSpec block(BlockOrder newBlock) {
    return with(spec -> spec.block = newBlock);
  }

  /** Replaces the tensor of the final norm, {@code output_norm} by default. */
  public DecoderSpec finalNorm(String newFinalNorm) {
    return with(spec -> spec.finalNorm = newFinalNorm);
  }

  /** Replaces the unembedding. */
  public DecoderSpec unembedding(Unembedding newUnembedding) {
    return with(spec -> spec.unembedding = newUnembedding);
  }

  /**
   * Adds a plan with other RoPE for contexts that are longer than the one before scaling (LongRoPE,
   * arXiv 2402.13753).
   *
   * @param newLongRope reads the rotation of queries and keys in this plan
   */
  public DecoderSpec longRope(Function<Transformer, Rotation> newLongRope) {
    return with(spec -> spec.longRope = newLongRope);
  }

  @Override
  public boolean runsDraftBlock() {
    return runsDraftBlock;
  }

  @Override
  public Architecture read(Hyperparameters params, WeightLoader weights) {
    int drafts = draftBlocks.applyAsInt(params);
    ModelDimensions own = dimensions.read(params, drafts);
    boolean ownBlock =
        runsDraftBlock && params.drafts() instanceof DraftSource.OwnBlock && drafts == 1;
    @Nullable EagleHead head = head(params, own);
    ModelDimensions read = ownBlock ? own.withDraftCache() : head == null ? own : head.withCache();
    if (!ownBlock) {
      weights.ignoreBlocks(read.layers(), drafts);
    }
    var model = new Transformer(params, read, weights, norm.apply(params), gains);
    Function<Layer, Sublayer> mixers = mixer.of(model);
    FeedForwardSpec.OfLayer feedForwards = feedForward.of(model);
    BlockOrder.Writer order = block.of(model);
    Buffer x = embedding.write(model);
    List<Buffer> inputs = new ArrayList<>();
    for (Layer layer : model.layers()) {
      inputs.add(x);
      x = order.write(layer, x, mixers.apply(layer), feedForwards.of(layer, x));
    }
    if (ownBlock || head != null) {
      DraftBlock drafting = head == null ? ownBlock(model) : EagleBlock.of(head, model, inputs);
      return model.finish(finalNorm, x, unembedding.of(model), drafting);
    }
    if (longRope == null) {
      return model.finish(finalNorm, x, unembedding.of(model));
    }
    Rotation longer = longRope.apply(model);
    return withLongContext(
        model.finish(finalNorm, x, unembedding.of(model)),
        model.rope(longer.pairs()).originalContext(),
        longer);
  }

  private @Nullable EagleHead head(Hyperparameters params, ModelDimensions model) {
    if (!(params.drafts() instanceof DraftSource.Head source)) {
      return null;
    }
    if (longRope != null) { // the plan of long contexts would rotate the head's keys, too
      throw params.unsupported(DraftSource.HEAD);
    }
    return new EagleHead(source, model);
  }

  private DraftBlock ownBlock(Transformer model) {
    Transformer one = model.draftBlock();
    Function<Layer, Sublayer> mixers = mixer.of(one);
    FeedForwardSpec.OfLayer feedForwards = feedForward.of(one);
    BlockOrder.Writer order = block.of(one);
    return new MtpBlock(
        one,
        embedding.write(one),
        (layer, x) -> order.write(layer, x, mixers.apply(layer), feedForwards.of(layer, x)),
        unembedding.of(one));
  }

  /**
   * Adds a plan with another rotation, if it differs.
   *
   * @param maxShort positions of the longest context that uses the first plan
   */
  private static Architecture withLongContext(Architecture model, int maxShort, Rotation longer) {
    Plan plan = model.plan();
    List<Op> ops =
        plan.ops().stream()
            .map(
                op ->
                    op instanceof SequenceOp.Rope r
                        ? new SequenceOp.Rope(longer, r.dH(), r.x(), r.y())
                        : op)
            .toList();
    return ops.equals(plan.ops())
        ? model
        : new Architecture(
            model.name(),
            model.width(),
            model.layers(),
            model.heads(),
            model.ffnWidth(),
            model.vocabulary(),
            model.contextLength(),
            model.bytesPerToken(),
            plan,
            new LongContext(maxShort, plan.withOps(ops)),
            null);
  }
}
