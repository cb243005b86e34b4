package dev.vidrio.fuzz;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.server.anthropic.MessagesRequest;
import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.chat.ResponseRequest;
import dev.vidrio.server.completion.CompletionRequest;
import dev.vidrio.server.completion.InfillRequest;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.ollama.OllamaRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Reads the body of a request as each API does, and prepares it for a reasoning model: its prompts,
 * grammar and response. The model does not run. Every error is the client's: its status is 400.
 */
public final class RequestHarness {
  private static final RequestLimits LIMITS = new RequestLimits(4096, 8, Duration.ofMinutes(1));

  private static final List<Function<JsonFields, ApiRequest>> READERS =
      List.of(
          fields -> ChatRequest.read(fields, LIMITS, ""),
          fields -> ResponseRequest.read(fields, LIMITS, ""),
          fields -> CompletionRequest.read(fields, LIMITS, ""),
          fields -> InfillRequest.read(fields, LIMITS, ""),
          fields -> MessagesRequest.read(fields, LIMITS, ""),
          fields -> MessagesRequest.readPrompt(fields, LIMITS, ""),
          fields -> ollama(fields).chat(LIMITS, ""),
          fields -> ollama(fields).generate(LIMITS, ""));

  private static final ServedModel SERVED = served();

  private RequestHarness() {}

  private static OllamaRequest ollama(JsonFields fields) {
    String model = fields.required("model").string();
    return new OllamaRequest(fields, model, model, 2048, true, Duration.ZERO);
  }

  private static ServedModel served() {
    Path file = Fixtures.scratch().resolve("thinker.gguf");
    List<String> tokens =
        List.of("<think>", "</think>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>");
    try {
      Path written = ParrotModel.writeThinker(file, Map.of(':', tokens));
      return ServedModel.open(
          "m",
          () -> Model.open(written, ModelOptions.with(() -> JavaExecutor.scalar(1))),
          null,
          model -> Map.of(),
          EngineOptions.DEFAULT,
          new RequestMetrics().of("m", List.of()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    for (Function<JsonFields, ApiRequest> reader : READERS) {
      try {
        prepare(reader.apply(JsonFields.ofBody(data)));
      } catch (ApiException e) {
        Oracle.require(e.status() == 400, "status " + e.status() + ": " + e.getMessage());
      } catch (InvalidInputException e) {
        Oracle.requireOneLine(e);
      }
    }
  }

  /** Prepares a request as far as its route does before the engine runs it. */
  private static void prepare(ApiRequest request) {
    AnswerFormat wanted = request.format(SERVED);
    Grammar format = wanted == null ? null : wanted.grammar();
    List<int[]> prompts = request.encode(SERVED);
    Oracle.require(prompts.size() == request.promptCount(), "number of prompts");
    for (int[] prompt : prompts) {
      Grammar grammar = request.grammar(SERVED, prompt, format);
      GenerationParameters parameters = request.parameters();
      var _ =
          request
              .configure(parameters.request(prompt, grammar, SERVED.model().tokenizer()))
              .build();
    }
    var _ = request.parameters().summary();
    var _ = request.respond(SERVED, prompts);
  }

  /** Returns requests of each API. */
  public static List<byte[]> seeds() {
    return RequestSeeds.all();
  }
}
