package dev.vidrio.model;

import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/** Hands the pieces of a stream to a subscriber, no faster than it asks for them. */
final class TokenSubscription implements Flow.Subscription {
  private final TokenStream stream;
  private final Flow.Subscriber<? super String> subscriber;
  private long demand;
  private boolean canceled;
  private @Nullable IllegalArgumentException refused;

  TokenSubscription(TokenStream stream, Flow.Subscriber<? super String> subscriber) {
    this.stream = stream;
    this.subscriber = subscriber;
  }

  /** Runs to the end of the stream. */
  void run() {
    subscriber.onSubscribe(this);
    try (stream) {
      while (stream.advance()) {
        if (!awaitDemand()) {
          return;
        }
        subscriber.onNext(stream.takePiece());
      }
      if (!isCanceled()) {
        subscriber.onComplete();
      }
    } catch (RuntimeException | Error e) {
      subscriber.onError(e);
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
    stream.cancel();
    notifyAll();
  }
}
