package dev.vidrio.hub.download;

import java.io.IOException;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A response body that is read in chunks, each within a time limit.
 *
 * <p>The JDK's body streams block without limit, and its request timeout ends with the headers. At
 * most one chunk is requested ahead, so that a slow disk slows the server down.
 */
final class BodyReader implements BodySubscriber<BodyReader>, AutoCloseable {

  private sealed interface Signal {}

  private record Piece(List<ByteBuffer> buffers) implements Signal {}

  private record End(@Nullable Throwable failure) implements Signal {}

  private final LinkedBlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
  private Flow.@Nullable Subscription subscription;
  private boolean closed;

  @Override
  public CompletionStage<BodyReader> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public synchronized void onSubscribe(Flow.Subscription newSubscription) {
    if (closed) {
      newSubscription.cancel();
    } else {
      subscription = newSubscription;
      newSubscription.request(1);
    }
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    signals.add(new Piece(buffers));
  }

  @Override
  public void onError(Throwable failure) {
    signals.add(new End(failure));
  }

  @Override
  public void onComplete() {
    signals.add(new End(null));
  }

  /**
   * Waits for the next chunk.
   *
   * @param idle the maximum waiting time
   * @return the bytes; an empty list at the end
   * @throws HttpTimeoutException if no data arrives in time
   * @throws IOException if the connection fails
   */
  List<ByteBuffer> next(Duration idle) throws IOException, InterruptedException {
    while (true) {
      Signal signal = signals.poll(idle.toNanos(), TimeUnit.NANOSECONDS);
      switch (signal) {
        case null -> throw new HttpTimeoutException("no data for " + idle.toMillis() + " ms");
        case Piece(List<ByteBuffer> buffers) -> {
          requestNext();
          if (buffers.stream().anyMatch(ByteBuffer::hasRemaining)) {
            return buffers;
          }
        }
        case End(Throwable failure) when failure != null ->
            throw new IOException(NetworkReason.of(failure), failure);
        case End end -> {
          return List.of();
        }
      }
    }
  }

  private synchronized void requestNext() {
    if (subscription != null) {
      subscription.request(1);
    }
  }

  /** Cancels the rest of the body and with it the connection. */
  @Override
  public synchronized void close() {
    closed = true;
    if (subscription != null) {
      subscription.cancel();
    }
  }
}
