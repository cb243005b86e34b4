package dev.vidrio.engine.request;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.PullIterator;
import dev.vidrio.model.generation.PullSubscription;
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

/** The stream of a request, to which the scheduler publishes tokens. Thread-safe. */
public final class AnswerStream implements TokenStream {
  // Not a monitor: waking a virtual thread that waits in one involves another thread.
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private final Queue<GeneratedToken> unread = new ArrayDeque<>();
  private final long interval;
  // The number of unread tokens that are released to the reader; the others wait for more.
  private int ready;
  private long readyAt;
  private final CompletableFuture<Completion> completion = new CompletableFuture<>();
  private final Runnable onCancel;
  private boolean ended;
  private final AtomicBoolean taken = new AtomicBoolean();
  private volatile boolean canceled;

  /**
   * Creates a stream without tokens.
   *
   * @param interval minimum time between two releases of tokens to the reader
   * @param onCancel is called when the request is canceled, on any thread and possibly repeatedly
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

  /** Returns an iterator that waits for tokens, and throws if the request fails. */
  private Iterator<GeneratedToken> tokens() {
    return new PullIterator<>(this::awaitToken, this::takeToken);
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
      throw new IllegalStateException("the stream was read before");
    }
  }

  private boolean awaitToken() {
    lock.lock();
    try {
      while (ready == 0 && !ended) {
        arrived.await();
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

  /** Cancels the request after its reader was interrupted. */
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

  /** Returns whether the request was canceled. */
  public boolean isCanceled() {
    return canceled;
  }

  /** Adds a token. */
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

  /** Releases all tokens to the reader, since the next one will take long. */
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
    arrived.signalAll();
  }

  /** Ends the stream with the result. */
  public void complete(Completion result) {
    completion.complete(result);
    end();
  }

  /** Ends the stream with an error. */
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
