package dev.vidrio.engine;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Completes many short answers, so that an engine expects short ones and admits more requests than
 * its memory suffices for. Used as the listener of that engine.
 */
public final class ShortAnswers implements EngineListener {
  private static final int COUNT = 30;

  private volatile Runnable atEnd = () -> {};

  public ShortAnswers() {}

  @Override
  public void onFinished(Completion completion) {
    atEnd.run();
  }

  /**
   * Lets the engine answer a request many times, and then submits others on its scheduling thread,
   * so that its next step receives all of them.
   *
   * @param handOver is called when nothing runs
   * @return the result of {@code handOver}
   */
  public <T> T before(Engine engine, GenerationRequest request, Supplier<T> handOver) {
    for (int i = 1; i < COUNT; i++) {
      engine.submit(request).result();
    }
    var handedOver = new CompletableFuture<T>();
    atEnd =
        () -> {
          atEnd = () -> {};
          var _ = handedOver.completeAsync(handOver, Runnable::run);
        };
    engine.submit(request).result();
    return handedOver.join();
  }
}
