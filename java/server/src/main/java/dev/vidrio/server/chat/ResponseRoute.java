package dev.vidrio.server.chat;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GenerationRequest;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.Streams;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensWork;
import dev.vidrio.server.model.Models;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.util.List;

/** {@code /v1/responses}, without memory: the stateless part of OpenAI's API. */
public final class ResponseRoute {
  private final Models models;
  private final RequestLimits limits;
  private final LensWork lens;

  public ResponseRoute(Models models, RequestLimits limits, LensWork lens) {
    this.models = models;
    this.limits = limits;
    this.lens = lens;
  }

  public Route route() {
    return Route.post("/v1/responses", this::handle);
  }

  private void handle(Exchange exchange) throws IOException {
    ResponseRequest request = ResponseRequest.read(exchange.fields(), limits, exchange.tenant());
    ChatRequest chat = request.chat();
    try (Models.Use use = models.use(chat.model())) {
      ServedModel model = use.model();
      model.engine().requireRoom(1);
      GenerationRequest generation = chat.generation(use, lens);
      exchange.reply().header("x-vidrio-parameters", chat.parameters().summary());
      var response = new ResponseObject(request, model.tokenizer());
      try (Streams streams = Streams.submit(model.engine(), List.of(generation), 1)) {
        if (chat.stream()) {
          var answer = new ChatAnswer(model.tokenizer(), chat.tools().areGiven());
          new ResponseEvents(exchange, response, answer, chat.tools()).send(streams);
        } else {
          exchange.whileWaiting(streams::close);
          Completion completion = streams.results().getFirst();
          exchange.answer(Json.bytes(response.ended(completion, response.items(completion))));
        }
      }
    }
  }
}
