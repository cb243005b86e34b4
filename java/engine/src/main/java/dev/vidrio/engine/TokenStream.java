package dev.vidrio.engine;

import dev.vidrio.model.PullSubscription;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * The answer to a request while it is generated. Its tokens are read once, in one of three ways:
 * with a loop, by a {@link Flow.Subscriber}, or by a callback; {@link #result} waits for the end.
 *
 * {@snippet file="EngineExamples.java" region="stream"}
 *
 * <p>The engine never waits for a reader: what is not read yet is kept, at most the tokens that the
 * request asks for. Any thread may call any method; virtual threads wait without holding a carrier.
 */
public final class TokenStream
    implements Iterable<GeneratedToken>, Flow.Publisher<GeneratedToken>, AutoCloseable {
  // Not a monitor: a virtual thread that waits in one is woken by way of another thread.
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition came = lock.newCondition();
  private final Queue<GeneratedToken> unread = new ArrayDeque<>();
  private final long interval;
  // The first of the unread tokens, which a reader may have; the others wait for more.
  private int ready;
  private long readyAt;
  private final CompletableFuture<Completion> completion = new CompletableFuture<>();
  private final Runnable onCancel;
  private boolean ended;
  private final AtomicBoolean taken = new AtomicBoolean();
  private volatile boolean canceled;

  /**
   * @param interval as in {@link EngineOptions#streamInterval}
   * @param onCancel is called when the request is canceled, by any thread and more than once
   */
  TokenStream(Duration interval, Runnable onCancel) {
    this.interval = interval.toNanos();
    this.readyAt = System.nanoTime() - this.interval;
    this.onCancel = onCancel;
  }

  /**
   * The tokens, as they come. A last one of id -1 gives the text that was held back, if any.
   *
   * @throws IllegalStateException when the tokens are read already
   */
  @Override
  public Iterator<GeneratedToken> iterator() {
    take();
    return tokens();
  }

  /** Waits for tokens; where the request fails, the wait does. */
  private Iterator<GeneratedToken> tokens() {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return awaitToken();
      }

      @Override
      public GeneratedToken next() {
        return takeToken();
      }
    };
  }

  /**
   * Hands the tokens to a subscriber, as fast as it asks, on a virtual thread. Cancelling the
   * subscription cancels the request.
   *
   * @throws IllegalStateException when the tokens are read already
   */
  @Override
  public void subscribe(Flow.Subscriber<? super GeneratedToken> subscriber) {
    take();
    var subscription = new PullSubscription<>(tokens(), this::cancel, this::close, subscriber);
    onVirtualThread(subscription::run);
  }

  private static void onVirtualThread(Runnable task) {
    var _ = Thread.ofVirtual().name("vidrio-stream").start(task);
  }

  /**
   * Calls back with each token, on a virtual thread. Where the callback throws, the request is
   * canceled.
   *
   * @return the end, which fails as the request or the callback does
   * @throws IllegalStateException when the tokens are read already
   */
  public CompletableFuture<Completion> onToken(Consumer<? super GeneratedToken> callback) {
    take();
    CompletableFuture<Completion> end = new CompletableFuture<>();
    onVirtualThread(
        () -> {
          try (this) {
            tokens().forEachRemaining(callback);
            end.complete(result());
          } catch (RuntimeException | Error e) {
            end.completeExceptionally(e);
          }
        });
    return end;
  }

  private void take() {
    if (taken.getAndSet(true)) {
      throw new IllegalStateException("a stream of tokens is read once");
    }
  }

  private boolean awaitToken() {
    lock.lock();
    try {
      while (ready == 0 && !ended) {
        came.await();
      }
      if (ready > 0) {
        return true;
      }
    } catch (InterruptedException e) {
      throw interrupted();
    } finally {
      lock.unlock();
    }
    if (completion.isCompletedExceptionally()) {
      var _ = result();
    }
    return false;
  }

  /** Who is interrupted wants no answer any more. */
  private CancellationException interrupted() {
    Thread.currentThread().interrupt();
    cancel();
    return new CancellationException("interrupted while waiting for an answer");
  }

  private GeneratedToken takeToken() {
    lock.lock();
    try {
      if (!awaitToken()) {
        throw new NoSuchElementException("the answer has ended");
      }
      ready--;
      return unread.remove();
    } finally {
      lock.unlock();
    }
  }

  /** Whether the next token is there: whoever reads it need not wait. */
  public boolean isReady() {
    lock.lock();
    try {
      return ready > 0;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for the end; a thread that is interrupted cancels the request.
   *
   * @throws EngineException when the request failed
   */
  public Completion result() {
    try {
      return completion.get();
    } catch (InterruptedException e) {
      throw interrupted();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  /**
   * The end, to be told of it: on a virtual thread, so that what is done then holds nobody else up.
   */
  public CompletableFuture<Completion> completion() {
    return completion.isDone()
        ? completion.copy()
        : completion.whenCompleteAsync((end, failure) -> {}, TokenStream::onVirtualThread);
  }

  /** Ends the answer before the next step. */
  public void cancel() {
    canceled = true;
    onCancel.run();
  }

  /** The same as {@link #cancel}; nothing where the answer has ended. */
  @Override
  public void close() {
    cancel();
  }

  boolean isCanceled() {
    return canceled;
  }

  void publish(GeneratedToken token) {
    long now = System.nanoTime();
    lock.lock();
    try {
      unread.add(token);
      if (now - readyAt >= interval) {
        readyAt = now;
        release();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets the reader have what is there, where more is long in coming. */
  void flush() {
    lock.lock();
    try {
      release();
    } finally {
      lock.unlock();
    }
  }

  private void release() {
    ready = unread.size();
    came.signalAll();
  }

  void complete(Completion result) {
    completion.complete(result);
    end();
  }

  void fail(EngineException reason) {
    completion.completeExceptionally(reason);
    end();
  }

  private void end() {
    lock.lock();
    try {
      ended = true;
      release();
    } finally {
      lock.unlock();
    }
  }
}
