package dev.vidrio.engine;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import java.time.Duration;

/**
 * Receives events of an engine, for metrics. Unless stated otherwise, methods are called on the
 * scheduling thread and must return quickly. Exceptions are ignored; the first one is logged.
 */
public interface EngineListener {
  /** Ignores everything. */
  EngineListener NONE = new EngineListener() {};

  /** Returns the listener for the tokens and the end of a request. */
  default EngineListener forRequest(GenerationRequest request) {
    return this;
  }

  /**
   * Called after each step.
   *
   * @param tokens number of tokens, including those of prompts
   * @param sequences number of sequences
   * @param duration time of the step
   */
  default void onStep(int tokens, int sequences, Duration duration) {}

  /**
   * Called when tokens of a request were generated.
   *
   * @param first if true, they are its first tokens
   * @param count number of tokens: 1, or more if draft tokens were accepted
   * @param waited time since the previous tokens, or since the submission
   */
  default void onTokens(boolean first, int count, Duration waited) {}

  /** Called when a request has ended. */
  default void onFinished(Completion completion) {}

  /**
   * Called when a request has failed, or was rejected: then on the submitting thread. Rejections by
   * {@link Engine#requireCapacity} are reported to the engine's listener.
   */
  default void onFailed(Throwable reason) {}
}
