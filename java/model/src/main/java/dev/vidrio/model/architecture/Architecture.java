package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;

/**
 * A model's weights in memory, in the plan that runs them, and its sizes.
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
    Plan plan) {

  /** The shape of its key-value cache. */
  public KvShape kvShape() {
    return plan.kv();
  }
}
