package dev.vidrio.engine;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Catches exceptions of a listener; the first one is logged.
 *
 * @param listener the listener
 * @param logged true after an exception was logged
 */
record GuardedListener(EngineListener listener, AtomicBoolean logged) implements EngineListener {
  private static final System.Logger LOG = System.getLogger("dev.vidrio.engine");

  GuardedListener(EngineListener listener) {
    this(listener, new AtomicBoolean());
  }

  @Override
  public EngineListener forRequest(GenerationRequest request) {
    try {
      return new GuardedListener(listener.forRequest(request), logged);
    } catch (RuntimeException | Error e) {
      log(e);
      return NONE;
    }
  }

  @Override
  public void onStep(int tokens, int sequences, Duration duration) {
    guard(() -> listener.onStep(tokens, sequences, duration));
  }

  @Override
  public void onTokens(boolean first, int count, Duration waited) {
    guard(() -> listener.onTokens(first, count, waited));
  }

  @Override
  public void onFinished(Completion completion) {
    guard(() -> listener.onFinished(completion));
  }

  @Override
  public void onFailed(Throwable reason) {
    guard(() -> listener.onFailed(reason));
  }

  private void guard(Runnable call) {
    try {
      call.run();
    } catch (RuntimeException | Error e) {
      log(e);
    }
  }

  private void log(Throwable e) {
    if (!logged.getAndSet(true)) {
      LOG.log(
          System.Logger.Level.ERROR,
          "an engine listener failed; further failures are not logged",
          e);
    }
  }
}
