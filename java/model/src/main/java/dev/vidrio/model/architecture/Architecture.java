package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import org.jspecify.annotations.Nullable;

/**
 * A model's dimensions, and the plan with its weights.
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

  /** The plan for contexts of so many positions. */
  public Plan plan(int positions) {
    return longContext == null || positions <= longContext.above ? plan : longContext.plan;
  }

  /** The shape of its key-value cache. */
  public KvShape kvShape() {
    return plan.kv();
  }
}
