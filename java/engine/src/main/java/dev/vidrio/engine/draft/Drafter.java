package dev.vidrio.engine.draft;

import dev.vidrio.engine.request.RunningRequest;
import java.util.List;

/**
 * Proposes tokens that are verified in one step (speculative decoding: Leviathan et al. 2023, arXiv
 * 2211.17192; Chen et al. 2023, arXiv 2302.01318). A draft token is accepted only if the model
 * chooses it anyway, so answers are the same, token by token. Used by the scheduler's thread only.
 */
@FunctionalInterface
public interface Drafter extends AutoCloseable {
  /** Prepares drafts for the requests that generate, before a step. */
  default void prepare(List<RunningRequest> running) {}

  /** Returns the draft tokens of a request, at most {@code max}. */
  int[] draft(RunningRequest active, int max);

  /** Releases the state of a request that has ended or was preempted. */
  default void end(RunningRequest active) {}

  @Override
  default void close() {}

  /** Proposes tokens by {@linkplain PromptLookup prompt lookup}. */
  Drafter PROMPT_LOOKUP = (active, max) -> PromptLookup.draft(active.tokens(), max);
}
