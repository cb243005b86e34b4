package dev.vidrio.server.generation;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensExecutor;
import dev.vidrio.server.model.ModelRegistry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The shared pipeline of the routes that generate text. Routes differ only in the formats of their
 * {@link ApiRequest} and {@link ApiResponse}.
 *
 * @param models the models
 * @param limits limits of a request
 * @param lens computes the directions of steered requests
 */
public record GenerationRoutes(ModelRegistry models, RequestLimits limits, LensExecutor lens) {

  /** Returns the route at a path. */
  public Route route(String path, ApiRequest.Reader reader) {
    return Route.post(path, exchange -> handle(exchange, models.fields(exchange), reader));
  }

  /**
   * Handles a request with a parsed body.
   *
   * @param fields the fields of the body
   */
  public void handle(Exchange exchange, JsonFields fields, ApiRequest.Reader reader)
      throws IOException {
    ApiRequest request = reader.read(fields, limits, exchange.tenant());
    try (ModelRegistry.Lease lease = models.acquire(request.model())) {
      lease.model().requireDecoder();
      Engine engine = lease.model().engine();
      requireCapacity(engine, request);
      AnswerFormat wanted = request.format(lease.model());
      @Nullable Grammar format = wanted == null ? null : wanted.grammar();
      List<Intervention> edits = request.parameters().steering().edits(lens, request.model());
      List<int[]> prompts = request.encode(lease.model());
      List<GenerationRequest> generations = new ArrayList<>();
      for (int i = 0; i < prompts.size(); i++) {
        int[] prompt = prompts.get(i);
        requireContext(engine, prompt, request.promptField(i));
        Grammar grammar = request.grammar(lease.model(), prompt, format);
        generations.add(
            request
                .configure(request.parameters().request(prompt, grammar, lease.model().tokenizer()))
                .edits(edits)
                .adaptation(lease.adaptation())
                .build());
      }
      exchange.response().header("x-vidrio-parameters", request.parameters().summary());
      ApiResponse response = request.respond(lease.model(), prompts);
      try (AnswerStreams streams =
          AnswerStreams.submit(engine, generations, request.answersPerPrompt())) {
        if (request.stream()) {
          response.send(exchange, streams);
        } else {
          exchange.startHeartbeats(streams::close);
          response.answer(exchange, streams.results());
        }
      }
    }
  }

  /** Rejects requests that exceed the capacity, before the work on a grammar and a prompt. */
  private static void requireCapacity(Engine engine, ApiRequest request) {
    int answers = Math.multiplyExact(request.promptCount(), request.answersPerPrompt());
    int limit = engine.options().sequences() + engine.options().queue();
    if (answers > limit) {
      String field = request.promptCount() > 1 ? "prompt" : request.answersField();
      throw ApiException.invalid(
          field,
          "%s answers exceed the limit of %s (running and queued)".formatted(answers, limit));
    }
    engine.requireCapacity(answers);
  }

  private static void requireContext(Engine engine, int[] prompt, String field) {
    if (prompt.length > engine.positions()) {
      throw ApiException.contextLength(field, prompt.length, engine.positions());
    }
  }
}
