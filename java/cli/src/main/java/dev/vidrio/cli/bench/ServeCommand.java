package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.ApiUrl;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.Option;

/** {@code vidrio bench serve}. */
@Command(
    name = "serve",
    description = {
      "Measures a server with OpenAI's API under load.",
      "--users: each user sends the next request after the last answer (closed loop). --rate:"
          + " requests arrive at random, independent of answers (open loop, Poisson).",
      "ttft: time to first token. tpot: time per output token after it. itl: time between two"
          + " chunks of the stream. If the server requires an API key, set VIDRIO_API_KEY."
    })
final class ServeCommand implements Callable<Integer> {
  @Option(
      names = "--url",
      paramLabel = "URL",
      description = "Address of the server; /v1 is added if it has no path.")
  private String url = "http://127.0.0.1:8080";

  @Option(
      names = "--model",
      paramLabel = "ID",
      description = "Model id. Default: the server's first.")
  private @Nullable String model;

  @Option(names = "--users", paramLabel = "N", description = "Concurrent users.")
  private int users = 16;

  @Option(
      names = "--rate",
      paramLabel = "R",
      showDefaultValue = Help.Visibility.NEVER,
      defaultValue = "0",
      description = "Requests per second, instead of users.")
  private double rate;

  @Option(names = "--requests", paramLabel = "N", description = "Requests to measure.")
  private int requests = 64;

  @Option(names = "--warm-up", paramLabel = "N", description = "Warm-up requests, not measured.")
  private int warmUp = 16;

  @Option(
      names = {"-p", "--prompt"},
      paramLabel = "N",
      description = "Prompt tokens, after the shared prefix.")
  private int prompt = 128;

  @Option(
      names = "--prefix",
      paramLabel = "N",
      description = "Tokens of a prefix shared by all prompts.")
  private int prefix;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Tokens per answer.")
  private int tokens = 128;

  @Option(names = "--max-ttft", paramLabel = "MS", description = "Maximum ttft of a good answer.")
  private int maxTtft = 2000;

  @Option(names = "--max-tpot", paramLabel = "MS", description = "Maximum tpot of a good answer.")
  private int maxTpot = 100;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of prompts and arrivals.")
  private long seed;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws InterruptedException {
    UsageException.requireAtLeast("--users", users, 1);
    UsageException.requireAtLeast("--requests", requests, 1);
    UsageException.requireAtLeast("--warm-up", warmUp, 0);
    UsageException.requireAtLeast("-p", prompt, 1);
    UsageException.requireAtLeast("--prefix", prefix, 0);
    UsageException.requireAtLeast("-n", tokens, 2);
    if (!(rate >= 0 && rate <= 1e6)) {
      throw new UsageException("--rate " + rate + ": must be 0 to 1e6");
    }
    var client = new LoadClient(ApiUrl.parse(url), model, System.getenv("VIDRIO_API_KEY"));
    var load = new LoadTest(client, prefix, prompt, tokens, seed);
    if (warmUp > 0) {
      load.closed(users, warmUp);
    }
    LoadTest.Outcome outcome = rate > 0 ? load.open(rate, requests) : load.closed(users, requests);
    report(client.model(), outcome);
    return outcome.answers().isEmpty() ? 1 : 0;
  }

  private void report(String id, LoadTest.Outcome outcome) {
    int answers = outcome.answers().size();
    int refused = outcome.refusals().size();
    int failed = outcome.failures().size();
    double seconds = outcome.time().toNanos() / 1e9;
    long good = outcome.answers().stream().filter(this::isGood).count();
    long out = outcome.answers().stream().mapToLong(LoadClient.Answer::tokens).sum();
    Map<String, LoadTest.Spread> times = new LinkedHashMap<>();
    times.put("ttft_ms", LoadTest.Spread.of(outcome, LoadClient.Answer::ttft));
    times.put("tpot_ms", LoadTest.Spread.of(outcome, LoadClient.Answer::tpot));
    times.put("itl_ms", LoadTest.Spread.ofGaps(outcome));
    times.put("total_ms", LoadTest.Spread.of(outcome, LoadClient.Answer::total));
    times.put("refused_ms", LoadTest.Spread.of(outcome.refusals()));
    if (json) {
      JsonObject all =
          new JsonObject()
              .with("model", id)
              .with("answers", answers)
              .with("refused", refused)
              .with("failed", failed)
              .with("seconds", seconds)
              .with("requests_per_second", answers / seconds)
              .with("tokens_per_second", out / seconds)
              .with("goodput_per_second", good / seconds);
      times.forEach((name, spread) -> all.put(name, spread.toJson()));
      Json.print(all);
      return;
    }
    System.out.printf(
        "%s: %d answers, %d refused, %d failed in %.1f s%n%.1f tokens/s, %.2f answers/s, %.2f of"
            + " them good%n",
        id, answers, refused, failed, seconds, out / seconds, answers / seconds, good / seconds);
    times.values().removeIf(LoadTest.Spread::isEmpty);
    if (!times.isEmpty()) {
      System.out.printf("%n%-10s %9s %9s %9s %9s%n", "", "mean", "p50", "p90", "p99");
    }
    times.forEach(
        (name, spread) ->
            System.out.printf(
                "%-10s %9.2f %9.2f %9.2f %9.2f%n",
                name, spread.mean(), spread.p50(), spread.p90(), spread.p99()));
    outcome.failures().stream().distinct().limit(3).forEach(System.err::println);
  }

  private boolean isGood(LoadClient.Answer answer) {
    return answer.ttft().compareTo(Duration.ofMillis(maxTtft)) <= 0
        && answer.tpot().compareTo(Duration.ofMillis(maxTpot)) <= 0;
  }
}
