package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.Stream;

/** Loads a server in a closed or open loop (Schroeder et al. 2006, NSDI), with random prompts. */
final class LoadTest {
  // Token ids of every vocabulary that are neither bytes nor special tokens.
  private static final int FIRST_TOKEN = 300;
  private static final int LAST_TOKEN = 1800;

  /**
   * The results of the requests.
   *
   * @param answers the answers
   * @param refusals the times to refusals
   * @param failures the messages of failures
   * @param time the time from the first request to the last answer
   */
  record Outcome(
      List<LoadClient.Answer> answers,
      List<Duration> refusals,
      List<String> failures,
      Duration time) {}

  /** A distribution of times in milliseconds; NaN if there are none. */
  record Spread(double mean, double p50, double p90, double p99) {
    static Spread of(Outcome outcome, Function<LoadClient.Answer, Duration> time) {
      return of(outcome.answers.stream().map(time).toList());
    }

    static Spread ofGaps(Outcome outcome) {
      return of(outcome.answers.stream().flatMap(answer -> answer.gaps().stream()).toList());
    }

    static Spread of(List<Duration> times) {
      return of(times.stream());
    }

    private static Spread of(Stream<Duration> times) {
      double[] sorted = times.mapToDouble(time -> time.toNanos() / 1e6).sorted().toArray();
      return new Spread(
          Arrays.stream(sorted).average().orElse(Double.NaN),
          quantile(sorted, 0.5),
          quantile(sorted, 0.9),
          quantile(sorted, 0.99));
    }

    boolean isEmpty() {
      return Double.isNaN(mean);
    }

    /** Returns the distribution for JSON. */
    JsonObject toJson() {
      return new JsonObject()
          .with("mean", Json.finite(mean))
          .with("p50", Json.finite(p50))
          .with("p90", Json.finite(p90))
          .with("p99", Json.finite(p99));
    }

    private static double quantile(double[] sorted, double q) {
      return sorted.length == 0
          ? Double.NaN
          : sorted[Math.min(sorted.length - 1, (int) (q * sorted.length))];
    }
  }

  private final LoadClient client;
  private final int[] prefix;
  private final int prompt;
  private final int tokens;
  private final Random random;

  LoadTest(LoadClient client, int prefix, int prompt, int tokens, long seed) {
    this.client = client;
    this.random = new Random(seed);
    this.prefix = tokens(prefix);
    this.prompt = prompt;
    this.tokens = tokens;
  }

  private int[] tokens(int count) {
    return random.ints(count, FIRST_TOKEN, LAST_TOKEN).toArray();
  }

  private synchronized int[] nextPrompt() {
    int[] all = Arrays.copyOf(prefix, prefix.length + prompt);
    System.arraycopy(tokens(prompt), 0, all, prefix.length, prompt);
    return all;
  }

  /** Runs a closed loop: users send the next request after the last answer. */
  Outcome closed(int users, int requests) {
    var run = new Run();
    var left = new AtomicInteger(requests);
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      for (int i = 0; i < users; i++) {
        var _ =
            threads.submit(
                () -> {
                  while (left.getAndDecrement() > 0) {
                    run.ask();
                  }
                });
      }
    }
    return run.outcome();
  }

  /** Runs an open loop: times between requests are exponentially distributed. */
  Outcome open(double rate, int requests) throws InterruptedException {
    var run = new Run();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      double due = 0;
      for (int i = 0; i < requests; i++) {
        var _ = threads.submit(run::ask);
        due -= Math.log(1 - nextDouble()) / rate;
        long wait = (long) (due * 1e9) - (System.nanoTime() - run.start);
        if (wait > 0) {
          Thread.sleep(Duration.ofNanos(wait));
        }
      }
    }
    return run.outcome();
  }

  private synchronized double nextDouble() {
    return random.nextDouble();
  }

  /** The results of a running load. */
  private final class Run {
    final long start = System.nanoTime();
    private final List<LoadClient.Answer> answers = Collections.synchronizedList(new ArrayList<>());
    private final List<Duration> refusals = Collections.synchronizedList(new ArrayList<>());
    private final List<String> failures = Collections.synchronizedList(new ArrayList<>());

    void ask() {
      long sent = System.nanoTime();
      try {
        answers.add(client.ask(nextPrompt(), tokens));
      } catch (LoadClient.Refused e) {
        refusals.add(Duration.ofNanos(System.nanoTime() - sent));
      } catch (IOException e) {
        failures.add(String.valueOf(e.getMessage()));
      }
    }

    Outcome outcome() {
      return new Outcome(
          List.copyOf(answers),
          List.copyOf(refusals),
          List.copyOf(failures),
          Duration.ofNanos(System.nanoTime() - start));
    }
  }
}
