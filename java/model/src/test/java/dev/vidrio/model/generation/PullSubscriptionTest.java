package dev.vidrio.model.generation;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class PullSubscriptionTest {
  private final List<String> signals = new ArrayList<>();

  /** Records signals, after an action at the beginning. */
  private Flow.Subscriber<Integer> subscriber(Consumer<Flow.Subscription> begin) {
    return new Flow.Subscriber<>() {
      @Override
      public void onSubscribe(Flow.Subscription subscription) {
        begin.accept(subscription);
      }

      @Override
      public void onNext(Integer item) {
        signals.add(item.toString());
      }

      @Override
      public void onError(Throwable failure) {
        signals.add(failure.getClass().getSimpleName());
      }

      @Override
      public void onComplete() {
        signals.add("complete");
      }
    };
  }

  private void run(Iterator<Integer> source, Consumer<Flow.Subscription> begin) {
    new PullSubscription<>(
            source, () -> signals.add("cancel"), () -> signals.add("end"), subscriber(begin))
        .run();
  }

  /** Rule 3.9 of Reactive Streams. */
  @Test
  void invalidRequest_isAnError_evenWithoutElements() {
    run(List.<Integer>of().iterator(), subscription -> subscription.request(0));
    assertEquals(List.of("IllegalArgumentException", "end"), signals);
  }

  @Test
  void canceledSubscriptionIgnoresInvalidRequests() {
    run(
        List.<Integer>of().iterator(),
        subscription -> {
          subscription.cancel();
          subscription.request(-1);
        });
    assertEquals(List.of("cancel", "end"), signals);
  }

  @Test
  void deliversRequestedElementsOnly() {
    run(
        List.of(1, 2, 3).iterator(),
        subscription -> {
          subscription.request(1);
          subscription.request(Long.MAX_VALUE);
        });
    assertEquals(List.of("1", "2", "3", "complete", "end"), signals);
  }
}
