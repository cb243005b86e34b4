package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The architecture of a loaded model: its dimensions, and the plan with its weights. Immutable.
 *
 * @param name value of {@code general.architecture}: {@code llama}
 * @param width d, width of the residual stream
 * @param layers L
 * @param heads H, query heads of a layer; the largest if layers differ
 * @param ffnWidth d_ffn, width of feed-forward blocks or experts
 * @param vocabulary V, number of token ids with an embedding
 * @param contextLength largest number of positions
 * @param bytesPerToken bytes of weights that a token of output reads
 * @param plan from token ids to logits; activations have the names of hook points, and {@code
 *     unembed.hook_out}, the logits of the rows that ask for them, is the output
 * @param longContext plan of long contexts, or null
 * @param draft plan of the draft block; null if the model was opened without one
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
    @Nullable LongContext longContext,
    @Nullable DraftPlan draft) {

  /**
   * The plan of models with RoPE that differs in long contexts (LongRoPE, arXiv 2402.13753).
   *
   * @param above positions of the longest context that uses the first plan
   * @param plan plan of longer contexts
   */
  public record LongContext(int above, Plan plan) {}

  /**
   * Returns the model with a draft block.
   *
   * @param keys the operations that store what the block reads of earlier tokens, for the plan of
   *     the model
   * @param block plan of the block
   */
  public Architecture withDraft(List<Op> keys, DraftPlan block) {
    List<Op> ops = new ArrayList<>(plan.ops());
    ops.addAll(keys);
    return new Architecture(
        name,
        width,
        layers,
        heads,
        ffnWidth,
        vocabulary,
        contextLength,
        bytesPerToken,
        plan.withOps(ops),
        longContext,
        block);
  }

  /** Returns whether contexts of a number of positions use the plan of long contexts. */
  public boolean isLong(int positions) {
    return longContext != null && positions > longContext.above;
  }

  /** Returns the plan for contexts of a number of positions. */
  public Plan plan(int positions) {
    return longContext != null && isLong(positions) ? longContext.plan : plan;
  }

  /**
   * Returns whether the output of the plan are the last hidden states [rows, d] of tokens instead
   * of logits: an encoder, which embeds or classifies texts and cannot generate.
   */
  public boolean isEncoder() {
    return !plan.hooks().containsKey(HookPoint.of(HookSite.LOGITS));
  }

  /**
   * Returns whether tokens attend to later ones, so that all tokens of a sequence must run in one
   * step.
   */
  public boolean isBidirectional() {
    return plan.ops().stream()
        .anyMatch(op -> op instanceof SequenceOp.Attention a && a.window().bidirectional());
  }

  /** Returns the shape of the key-value cache. */
  public KvShape kvShape() {
    return plan.kv();
  }
}
