package dev.vidrio.model.architecture;

import dev.vidrio.kernel.Plan;
import java.util.List;

/**
 * The plan of a draft block over the cache of the model, from tokens to the logits of their
 * successors.
 *
 * @param tokens the token of each logit; empty if the logits are those of all tokens in order
 */
public record DraftPlan(Plan plan, List<Integer> tokens) {
  public DraftPlan {
    tokens = List.copyOf(tokens);
  }

  /** Returns the token of a logit. */
  public int token(int logit) {
    return tokens.isEmpty() ? logit : tokens.get(logit);
  }
}
