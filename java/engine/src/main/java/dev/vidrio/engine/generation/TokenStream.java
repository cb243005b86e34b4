package dev.vidrio.engine.generation;

import dev.vidrio.model.generation.GeneratedToken;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.function.Consumer;

/**
 * The answer to a request while it is generated. Read its tokens once, in one of three ways: in a
 * loop, through a {@link Flow.Subscriber}, or by a callback; {@link #result} waits for the end.
 *
 * {@snippet file="EngineExamples.java" region="stream"}
 *
 * <p>The engine never waits for a reader: unread tokens are kept, at most as many as the request
 * asks for. Any thread may call any method; virtual threads wait without holding a carrier.
 */
public interface TokenStream
    extends Iterable<GeneratedToken>, Flow.Publisher<GeneratedToken>, AutoCloseable {
  /**
   * The tokens, as they come. A last one of id -1 gives the text that was held back, if any.
   *
   * @throws IllegalStateException when the tokens are read already
   */
  @Override
  Iterator<GeneratedToken> iterator();

  /**
   * Hands the tokens to a subscriber, as fast as it asks, on a virtual thread. Cancelling the
   * subscription cancels the request.
   *
   * @throws IllegalStateException when the tokens are read already
   */
  @Override
  void subscribe(Flow.Subscriber<? super GeneratedToken> subscriber);

  /**
   * Calls back with each token, on a virtual thread. Where the callback throws, the request is
   * canceled.
   *
   * @return the end, which fails as the request or the callback does
   * @throws IllegalStateException when the tokens are read already
   */
  CompletableFuture<Completion> onToken(Consumer<? super GeneratedToken> callback);

  /** Whether the next token is there: whoever reads it need not wait. */
  boolean isReady();

  /**
   * Waits for the end; a thread that is interrupted cancels the request.
   *
   * @throws dev.vidrio.engine.EngineException when the request failed
   * @throws java.util.concurrent.CancellationException when the thread is interrupted, which it
   *     still is then
   */
  Completion result();

  /**
   * The end, to be told of it: on a virtual thread, so that what is done then holds nobody else up.
   */
  CompletableFuture<Completion> completion();

  /** Ends the answer before the next step. */
  void cancel();

  /** The same as {@link #cancel}; nothing where the answer has ended. */
  @Override
  default void close() {
    cancel();
  }
}
