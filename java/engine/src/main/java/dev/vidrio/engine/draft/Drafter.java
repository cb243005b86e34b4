package dev.vidrio.engine.draft;

import dev.vidrio.engine.request.RunningRequest;
import java.util.Map;

/**
 * Proposes tokens that are verified in one step (speculative decoding: Leviathan et al. 2023, arXiv
 * 2211.17192; Chen et al. 2023, arXiv 2302.01318). Used by the scheduler's thread only.
 */
interface Drafter extends AutoCloseable {
  /** The support of a draft that does not exist. */
  int NO_DRAFT = -1;

  /**
   * Returns the evidence for the next draft of a request that generates, on a scale of its own: a
   * number of preceding tokens that the draft agrees with. Each draft token has one more than the
   * token before it. {@link #NO_DRAFT} if there is nothing to propose.
   */
  int support(RunningRequest active);

  /** Returns the estimated time in which a token is drafted for each of n sequences. */
  double tokenNanos(int sequences);

  /** Returns the estimated time in which the drafter runs the tokens of a request that it lacks. */
  double catchUpNanos(RunningRequest active);

  /** Prepares drafts of the given numbers of tokens, each of at least one. */
  void prepare(Map<RunningRequest, Integer> lengths);

  /** Returns draft tokens of a request, at most {@code max}; those that cost no time, always. */
  int[] draft(RunningRequest active, int max);

  /** Releases the state of a request that has ended or was preempted. */
  void end(RunningRequest active);

  @Override
  void close();
}
