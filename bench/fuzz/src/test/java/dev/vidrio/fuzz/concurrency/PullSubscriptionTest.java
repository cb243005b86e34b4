package dev.vidrio.fuzz.concurrency;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.request.AnswerStream;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.PullSubscription;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Flow;
import org.jetbrains.lincheck.Lincheck;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Lincheck interleaves a scheduler that publishes tokens and ends the answer, the thread that
 * delivers them to a subscriber, and a thread that requests tokens or cancels.
 */
@Tag("long")
class PullSubscriptionTest {
  private static final int INTERLEAVINGS = 200;
  private static final int TOKENS = 2;
  private static final String END = "made to fail";

  /** Records what it receives. */
  private static final class Subscriber implements Flow.Subscriber<GeneratedToken> {
    private final List<String> signals = Collections.synchronizedList(new ArrayList<>());

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.request(1);
    }

    @Override
    public void onNext(GeneratedToken token) {
      signals.add(Integer.toString(token.id()));
    }

    @Override
    public void onError(Throwable failure) {
      signals.add(String.valueOf(failure.getMessage()));
    }

    @Override
    public void onComplete() {
      signals.add("complete");
    }
  }

  @Test
  void deliversAllTokensAndTheEnd() {
    Lincheck.runConcurrentTest(
        INTERLEAVINGS, () -> assertEquals(List.of("0", "1", END), run(false)));
  }

  @Test
  void deliversNoMoreThanRequestedBeforeCancellation() {
    Lincheck.runConcurrentTest(
        INTERLEAVINGS,
        () -> {
          List<String> signals = run(true);
          assertTrue(
              List.of("0", END).containsAll(signals) && signals.size() <= 2, signals::toString);
        });
  }

  private static List<String> run(boolean cancels) {
    var stream = new AnswerStream(Duration.ZERO, () -> {});
    var subscriber = new Subscriber();
    var subscription =
        new PullSubscription<>(stream.iterator(), stream::cancel, stream::close, subscriber);
    var delivery = new Thread(subscription::run);
    var client = new Thread(cancels ? subscription::cancel : () -> subscription.request(1));
    delivery.start();
    client.start();
    for (int i = 0; i < TOKENS && !stream.isCanceled(); i++) {
      stream.publish(new GeneratedToken(i, "", "", null));
      stream.flush();
    }
    stream.fail(new IllegalStateException(END));
    try {
      delivery.join();
      client.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return List.copyOf(subscriber.signals);
  }
}
