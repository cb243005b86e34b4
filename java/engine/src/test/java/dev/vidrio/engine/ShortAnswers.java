package dev.vidrio.engine;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;

/**
 * Short answers, which let an engine expect short ones, so that it then begins more than there is
 * room for. For an engine whose listener this is.
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
   * Has the engine answer a request many times, and then hands others over: on the engine's own
   * thread, so that its next step finds them all, however long that takes.
   *
   * @param handOver is called when nothing runs
   * @return what it returns
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
