package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.AdapterOption;
import dev.vidrio.cli.option.FastOption;
import dev.vidrio.cli.option.KvOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.LogLikelihood;
import dev.vidrio.model.session.SessionOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code vidrio eval loglikelihood}. */
@Command(
    name = "loglikelihood",
    description = {
      "Computes the log-likelihood of continuations, in nats.",
      "Texts are tokenized as in lm-evaluation-harness; the tokens after those of the context"
          + " are scored."
    })
final class LogLikelihoodCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private KvOption kv = new KvOption();
  @Mixin private FastOption fast = new FastOption();
  @Mixin private AdapterOption adapter = new AdapterOption();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description = "A JSON array of {\"context\": TEXT, \"continuation\": TEXT}.")
  private @Nullable Path file;

  @Option(names = "--json", description = "Print a JSON array.")
  private boolean json;

  @Override
  public Integer call() {
    Path source = file;
    if (source == null) {
      throw new IllegalStateException("picocli requires the option");
    }
    List<LogLikelihood.Request> requests = read(source);
    try (Model opened = model.open()) {
      List<LogLikelihood> results;
      try (var bar = new ProgressBar("loglikelihood")) {
        results =
            LogLikelihood.of(
                opened,
                requests,
                SessionOptions.DEFAULT
                    .withKvType(kv.type())
                    .withFast(fast.asked())
                    .withAdaptation(adapter.open(opened)),
                done -> bar.update(done, ""));
      }
      if (json) {
        Json.print(results.stream().map(LogLikelihoodCommand::toJson).toList());
      } else {
        System.out.println("log-likelihood  greedy  tokens");
        for (LogLikelihood result : results) {
          System.out.printf(
              "%14.6f  %-6s  %6d%n",
              result.logLikelihood(), result.greedy() ? "yes" : "no", result.tokens());
        }
      }
    }
    return 0;
  }

  private static List<LogLikelihood.Request> read(Path file) {
    List<LogLikelihood.Request> requests = new ArrayList<>();
    for (JsonNode element : Json.readArray(file)) {
      JsonNode context = element.path("context");
      JsonNode continuation = element.path("continuation");
      if (!context.isString() || !continuation.isString()) {
        throw new CommandException(
            file
                + ": element "
                + requests.size()
                + ": must be {\"context\": TEXT, \"continuation\": TEXT}");
      }
      requests.add(new LogLikelihood.Request(context.stringValue(), continuation.stringValue()));
    }
    return requests;
  }

  private static Map<String, Object> toJson(LogLikelihood result) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("loglikelihood", result.logLikelihood());
    json.put("is_greedy", result.greedy());
    json.put("tokens", result.tokens());
    return json;
  }
}
