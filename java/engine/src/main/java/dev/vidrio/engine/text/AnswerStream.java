package dev.vidrio.engine.text;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GeneratedToken;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.PullSubscription;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** A stream of tokens that the scheduler publishes. */
public final class AnswerStream implements TokenStream {
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
   * @param interval in which tokens that come are read together
   * @param onCancel is called when the request is canceled, by any thread and more than once
   */
  public AnswerStream(Duration interval, Runnable onCancel) {
    this.interval = interval.toNanos();
    this.readyAt = System.nanoTime() - this.interval;
    this.onCancel = onCancel;
  }

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

  @Override
  public void subscribe(Flow.Subscriber<? super GeneratedToken> subscriber) {
    Objects.requireNonNull(subscriber, "subscriber");
    take();
    var subscription = new PullSubscription<>(tokens(), this::cancel, this::close, subscriber);
    onVirtualThread(subscription::run);
  }

  private static void onVirtualThread(Runnable task) {
    var _ = Thread.ofVirtual().name("vidrio-stream").start(task);
  }

  @Override
  public CompletableFuture<Completion> onToken(Consumer<? super GeneratedToken> callback) {
    Objects.requireNonNull(callback, "callback");
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

  @Override
  public boolean isReady() {
    lock.lock();
    try {
      return ready > 0;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Completion result() {
    try {
      return completion.get();
    } catch (InterruptedException e) {
      throw interrupted();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  @Override
  public CompletableFuture<Completion> completion() {
    return completion.isDone()
        ? completion.copy()
        : completion.whenCompleteAsync((end, failure) -> {}, AnswerStream::onVirtualThread);
  }

  @Override
  public void cancel() {
    canceled = true;
    onCancel.run();
  }

  /** Whether its reader wants no more. */
  public boolean isCanceled() {
    return canceled;
  }

  /** Has a token for its reader. */
  public void publish(GeneratedToken token) {
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
  public void flush() {
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

  /** Ends it with what came of the request. */
  public void complete(Completion result) {
    completion.complete(result);
    end();
  }

  /** Ends it by what went wrong. */
  public void fail(RuntimeException reason) {
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
