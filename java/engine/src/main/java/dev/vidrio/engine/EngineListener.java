package dev.vidrio.engine;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import java.time.Duration;

/**
 * Receives events of an engine, for metrics. Unless stated otherwise, the scheduling thread calls
 * it, so it must be quick. The first error it throws is logged.
 */
public interface EngineListener {
  /** Ignores everything. */
  EngineListener NONE = new EngineListener() {};

  /**
   * Who is told of a request's tokens and of its end: this one, unless requests of some kind have
   * another.
   */
  default EngineListener forRequest(GenerationRequest request) {
    return this;
  }

  /**
   * A step has run.
   *
   * @param tokens of the step, prompts included
   * @param sequences in the step
   * @param duration of the step
   */
  default void onStep(int tokens, int sequences, Duration duration) {}

  /**
   * A request has got tokens.
   *
   * @param first whether they are its first
   * @param count 1, or more where a guess at what comes was right
   * @param waited since the request came, or since its tokens before
   */
  default void onTokens(boolean first, int count, Duration waited) {}

  /** A request has ended. */
  default void onFinished(Completion completion) {}

  /**
   * An answer has failed, or been refused: then it is the thread that hands over the request which
   * calls. Where there was no request yet, it calls the engine's listener.
   */
  default void onFailed(Throwable reason) {}
}
