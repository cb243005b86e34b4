package dev.vidrio.cli.eval;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SessionOption;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.LogLikelihood;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.JsonNode;

/** {@code vidrio eval loglikelihood}. */
@Command(
    name = "loglikelihood",
    description = {
      "Computes the log-likelihood of continuations, in nats.",
      "Texts are tokenized as in lm-evaluation-harness; the tokens after those of the context are"
          + " scored."
    })
@JsonHelp("Print a JSON array.")
final class LogLikelihoodCommand extends ModelCommand<List<LogLikelihood>> {
  @Mixin private SessionOption session = new SessionOption();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description = "A JSON array of {\"context\": TEXT, \"continuation\": TEXT}.")
  private Path file = Path.of("");

  @Override
  protected List<LogLikelihood> run(Model opened) {
    try (var bar = new ProgressBar("loglikelihood")) {
      return LogLikelihood.of(opened, read(), session.of(opened), done -> bar.update(done, ""));
    }
  }

  private List<LogLikelihood.Request> read() {
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

  @Override
  protected void print(List<LogLikelihood> results) {
    System.out.println("log-likelihood  greedy  tokens");
    for (LogLikelihood result : results) {
      System.out.printf(
          "%14.6f  %-6s  %6d%n",
          result.logLikelihood(), result.greedy() ? "yes" : "no", result.tokens());
    }
  }

  @Override
  protected Object toJson(List<LogLikelihood> results) {
    return results.stream().map(LogLikelihoodCommand::toJson).toList();
  }

  private static JsonObject toJson(LogLikelihood result) {
    return new JsonObject()
        .with("loglikelihood", result.logLikelihood())
        .with("is_greedy", result.greedy())
        .with("tokens", result.tokens());
  }
}
