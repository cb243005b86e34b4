package dev.vidrio.model.generation;

import java.util.Iterator;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/**
 * Delivers the elements of an iterator to a {@link Flow.Subscriber}, no faster than it requests
 * them.
 *
 * @param <T> the type of the elements
 */
public final class PullSubscription<T> implements Flow.Subscription {
  private final Iterator<T> source;
  private final Runnable onCancel;
  private final Runnable onEnd;
  private final Flow.Subscriber<? super T> subscriber;
  private long demand;
  private boolean canceled;
  private @Nullable IllegalArgumentException invalid;

  /**
   * Creates a subscription that has not begun.
   *
   * @param source the elements; may block
   * @param onCancel is called when the subscriber cancels, on its thread
   * @param onEnd is called once, after the last element
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

  /** Delivers elements to the end of the source, or until the subscriber cancels. */
  public void run() {
    try {
      subscriber.onSubscribe(this);
      while (source.hasNext()) {
        if (!awaitDemand()) {
          return;
        }
        subscriber.onNext(source.next());
      }
      if (mayComplete()) {
        subscriber.onComplete();
      }
    } catch (RuntimeException | Error e) {
      subscriber.onError(e);
    } finally {
      onEnd.run();
    }
  }

  /** Waits for a request; returns false if the subscription was canceled. */
  private synchronized boolean awaitDemand() {
    try {
      while (demand == 0 && !canceled && invalid == null) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
    if (invalid != null) {
      throw invalid;
    }
    demand -= demand == Long.MAX_VALUE ? 0 : 1;
    return !canceled;
  }

  /** Returns whether the subscription was not canceled; throws if a request was invalid. */
  private synchronized boolean mayComplete() {
    if (!canceled && invalid != null) {
      throw invalid;
    }
    return !canceled;
  }

  @Override
  public synchronized void request(long n) {
    if (n <= 0) {
      invalid = new IllegalArgumentException("request " + n + ": must be positive");
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
