package dev.vidrio.engine.generation;

import dev.vidrio.model.generation.GeneratedToken;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Consumer;

/**
 * The answer to a request while it is generated. Read its tokens once, in one of three ways: in a
 * loop, through a {@link Flow.Subscriber}, or with a callback; {@link #result} waits for the end.
 *
 * {@snippet file="EngineExamples.java" region="stream"}
 *
 * <p>The engine never waits for a reader: unread tokens are buffered, at most as many as the
 * request generates. Thread-safe; virtual threads wait without pinning their carrier.
 */
public interface TokenStream
    extends Iterable<GeneratedToken>, Flow.Publisher<GeneratedToken>, AutoCloseable {
  /**
   * Returns an iterator that waits for each token. A last one of id -1 has the text that was held
   * back, if any.
   *
   * @throws IllegalStateException if the tokens were read before
   */
  @Override
  Iterator<GeneratedToken> iterator();

  /**
   * Delivers the tokens to a subscriber on a virtual thread, no faster than it requests them.
   * Canceling the subscription cancels the request.
   *
   * @throws IllegalStateException if the tokens were read before
   */
  @Override
  void subscribe(Flow.Subscriber<? super GeneratedToken> subscriber);

  /**
   * Calls a callback with each token, on a virtual thread. If the callback throws, the request is
   * canceled.
   *
   * @return the completion, which fails if the request or the callback fails
   * @throws IllegalStateException if the tokens were read before
   */
  CompletableFuture<Completion> onToken(Consumer<? super GeneratedToken> callback);

  /** Returns whether the next token can be read without waiting. */
  boolean isReady();

  /**
   * Waits for the end. An interrupt of the waiting thread cancels the request.
   *
   * @throws dev.vidrio.engine.EngineException if the request failed
   * @throws java.util.concurrent.CancellationException if the thread was interrupted; its interrupt
   *     status stays set
   */
  Completion result();

  /**
   * Returns a future of the end. Its dependents run on a virtual thread, so that they do not delay
   * the engine.
   */
  CompletableFuture<Completion> completion();

  /** Ends the answer before the next step. */
  void cancel();

  /** Cancels the request, unless it has ended. */
  @Override
  default void close() {
    cancel();
  }
}
