package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.model.block.Sizes;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model's sizes, and the plan with its weights.
 *
 * @param name in {@code general.architecture}: {@code llama}
 * @param width d, of the residual stream
 * @param layers L
 * @param heads H, query heads of a layer
 * @param ffnWidth d_ffn, of the feed-forward blocks
 * @param vocabulary V, the number of token ids that have an embedding
 * @param contextLength positions that the model was made for
 * @param bytesPerToken bytes of weights that a token of output reads
 * @param plan from token ids to logits. Activations carry the names of hook points; {@code
 *     unembed.hook_out}, the logits of the rows that ask for them, is its output.
 * @param longContext what differs in long contexts, or null
 */
public record Architecture(
    String name,
    int width,
    int layers,
    int heads,
    int ffnWidth,
    int vocabulary,
    int contextLength,
    long bytesPerToken,
    Plan plan,
    @Nullable LongContext longContext) {

  /**
   * The plan of models that rotate otherwise in long contexts (LongRoPE, arXiv 2402.13753).
   *
   * @param above how many positions a context has at most where it is not long
   * @param plan for long contexts
   */
  public record LongContext(int above, Plan plan) {}

  /**
   * Ends a model ({@link Transformer#finish}).
   *
   * @param residual the last layer's output
   * @param logits the unembedding, and what the architecture has after it
   */
  static Architecture of(Transformer model, Buffer residual, Sublayer logits) {
    return of(model, "output_norm", residual, logits);
  }

  /** The same where the last norm has another name. */
  static Architecture of(Transformer model, String norm, Buffer residual, Sublayer logits) {
    Plan plan = model.finish(norm, residual, logits);
    Sizes sizes = model.sizes();
    return new Architecture(
        model.keys().architecture(),
        sizes.d(),
        sizes.layers(),
        sizes.heads(),
        sizes.dExpert(),
        sizes.vocabulary(),
        sizes.contextLength(),
        model.weights().bytesPerToken(),
        plan,
        null);
  }

  /** The plan for contexts of so many positions. */
  public Plan plan(int positions) {
    return longContext == null || positions <= longContext.above ? plan : longContext.plan;
  }

  /** The same, with another rotation in contexts of more than {@code above} positions. */
  Architecture withLongContext(int above, Rotation rotation, Rotation longer) {
    if (rotation.equals(longer)) {
      return this;
    }
    List<Op> ops =
        plan.ops().stream()
            .map(
                op ->
                    op instanceof SequenceOp.Rope r
                        ? new SequenceOp.Rope(longer, r.dH(), r.x(), r.y())
                        : op)
            .toList();
    return new Architecture(
        name,
        width,
        layers,
        heads,
        ffnWidth,
        vocabulary,
        contextLength,
        bytesPerToken,
        plan,
        new LongContext(above, plan.withOps(ops)));
  }

  /** The shape of its key-value cache. */
  public KvShape kvShape() {
    return plan.kv();
  }
}
