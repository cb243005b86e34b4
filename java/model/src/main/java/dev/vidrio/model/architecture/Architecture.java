package dev.vidrio.model.architecture;

import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.Plan;

/** A model's weights in memory, and the plan that runs them. */
public interface Architecture {
  /** The name in {@code general.architecture}: {@code llama}. */
  String name();

  /** d, the width of the residual stream. */
  int width();

  /** L, the number of layers. */
  int layers();

  /** H, query heads of a layer. */
  int heads();

  /** d_ffn, the width of the feed-forward blocks. */
  int ffnWidth();

  /** V, the number of token ids that have an embedding. */
  int vocabulary();

  /** Positions that the model was made for. */
  int contextLength();

  /** The shape of its key-value cache. */
  KvShape kvShape();

  /** Bytes of weights that a token of output reads. */
  long bytesPerToken();

  /**
   * The plan from token ids to logits. Activations carry the names of hook points; {@code
   * unembed.hook_out}, the logits of the rows that ask for them, is its output.
   */
  Plan plan();
}
