package dev.vidrio.server.generation;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensWork;
import dev.vidrio.server.model.Models;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Routes that generate text. They differ in their words, which {@link TextRequest} and {@link
 * TextAnswer} stand for; the way from the one to the other is this.
 */
public final class TextRoutes {
  private final Models models;
  private final RequestLimits limits;
  private final LensWork lens;

  /**
   * Routes to these models.
   *
   * @param lens finds the directions of those that are steered
   */
  public TextRoutes(Models models, RequestLimits limits, LensWork lens) {
    this.models = models;
    this.limits = limits;
    this.lens = lens;
  }

  /** The route at a path. */
  public Route route(String path, TextRequest.Reader reader) {
    return Route.post(path, exchange -> handle(exchange, reader));
  }

  private void handle(Exchange exchange, TextRequest.Reader reader) throws IOException {
    TextRequest request = reader.read(exchange.fields(), limits, exchange.tenant());
    try (Models.Use use = models.use(request.model())) {
      Engine engine = use.model().engine();
      requireRoom(engine, request);
      List<GenerationRequest> generations = generations(request, use);
      for (int i = 0; i < generations.size(); i++) {
        requireContext(engine, generations.get(i), request.promptField(i));
      }
      exchange.reply().header("x-vidrio-parameters", request.parameters().summary());
      TextAnswer answer = request.answer(use.model(), generations);
      try (Streams streams = Streams.submit(engine, generations, request.answersPerPrompt())) {
        if (request.stream()) {
          answer.send(exchange, streams);
        } else {
          exchange.whileWaiting(streams::close);
          exchange.answer(Json.bytes(answer.toJson(streams.results())));
        }
      }
    }
  }

  /** Refuses where there is no room, before the work that a grammar and a prompt are. */
  private static void requireRoom(Engine engine, TextRequest request) {
    int answers = Math.multiplyExact(request.promptCount(), request.answersPerPrompt());
    int most = engine.options().sequences() + engine.options().queue();
    if (answers > most) {
      String field = request.promptCount() > 1 ? "prompt" : request.answersField();
      throw ApiException.invalid(
          field,
          field + ": asks for " + answers + " answers at a time, and there is room for " + most);
    }
    engine.requireRoom(answers);
  }

  private static void requireContext(Engine engine, GenerationRequest request, String field) {
    if (request.promptTokens() > engine.positions()) {
      throw ApiException.contextLength(field, request.promptTokens(), engine.positions());
    }
  }

  private List<GenerationRequest> generations(TextRequest request, Models.Use use) {
    @Nullable Grammar form = request.parameters().grammar();
    List<Edit> edits = request.parameters().steering().edits(lens, request.model());
    return request.generations(use.model()).stream()
        .map(
            generation -> {
              Grammar grammar = request.grammar(use.model(), generation.prompt(), form);
              return generation.toBuilder()
                  .options(generation.options().withGrammar(grammar))
                  .edits(edits)
                  .adaptation(use.adaptation())
                  .build();
            })
        .toList();
  }
}
