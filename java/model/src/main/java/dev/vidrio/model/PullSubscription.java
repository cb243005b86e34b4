package dev.vidrio.model;

import java.util.Iterator;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * Hands what an iterator gives to a subscriber, no faster than it asks for it.
 *
 * @param <T> what that is
 */
public final class PullSubscription<T> implements Flow.Subscription {
  private final Iterator<T> source;
  private final Runnable onCancel;
  private final Runnable onEnd;
  private final Flow.Subscriber<? super T> subscriber;
  private long demand;
  private boolean canceled;
  private @Nullable IllegalArgumentException refused;

  /**
   * A subscription that has not begun.
   *
   * @param source may block
   * @param onCancel is called when the subscriber cancels, by its thread
   * @param onEnd is called once, when nothing more will be handed over
   */
  public PullSubscription(
      Iterator<T> source,
      Runnable onCancel,
      Runnable onEnd,
      Flow.Subscriber<? super T> subscriber) {
    this.source = source;
    this.onCancel = onCancel;
    this.onEnd = onEnd;
    this.subscriber = subscriber;
  }

  /** Runs to the end of the source, or until the subscriber cancels. */
  public void run() {
    try {
      subscriber.onSubscribe(this);
      while (source.hasNext()) {
        if (!awaitDemand()) {
          return;
        }
        subscriber.onNext(source.next());
      }
      if (!isCanceled()) {
        subscriber.onComplete();
      }
    } catch (RuntimeException | Error e) {
      subscriber.onError(e);
    } finally {
      onEnd.run();
    }
  }

  /** Waits until a piece is wanted; false when none is any more. */
  private synchronized boolean awaitDemand() {
    try {
      while (demand == 0 && !canceled && refused == null) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
    if (refused != null) {
      throw refused;
    }
    demand -= demand == Long.MAX_VALUE ? 0 : 1;
    return !canceled;
  }

  private synchronized boolean isCanceled() {
    return canceled;
  }

  @Override
  public synchronized void request(long n) {
    if (n <= 0) {
      refused = new IllegalArgumentException("request " + n + ": must be positive");
    } else {
      demand = demand + n < 0 ? Long.MAX_VALUE : demand + n;
    }
    notifyAll();
  }

  @Override
  public synchronized void cancel() {
    canceled = true;
    onCancel.run();
    notifyAll();
  }
}
