package dev.vidrio.server.chat;

import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import java.io.IOException;
import java.util.List;

/**
 * The routes that show the prompt of a chat instead of answering it: {@code
 * /v1/chat/completions/input_tokens}, {@code /v1/responses/input_tokens} and llama.cpp's {@code
 * /apply-template}.
 *
 * @param models the models
 * @param limits limits of a request
 */
public record PromptRoutes(ModelRegistry models, RequestLimits limits) {
  private static final String GENERATION_PROMPT = "add_generation_prompt";

  /** Returns the routes. */
  public List<Route> routes() {
    return List.of(
        count("/v1/chat/completions/input_tokens", ChatRequest::read),
        count("/v1/responses/input_tokens", ResponseRequest::read),
        Route.post("/apply-template", this::apply));
  }

  private Route count(String path, ApiRequest.Reader reader) {
    return Route.post(
        path,
        exchange -> {
          ApiRequest request = reader.read(models.fields(exchange), limits, exchange.tenant());
          try (ModelRegistry.Lease lease = models.acquire(request.model())) {
            exchange.answer(
                new JsonObject()
                    .with("object", "response.input_tokens")
                    .with("input_tokens", request.encode(lease.model()).getFirst().length));
          }
        });
  }

  private void apply(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    boolean begins = fields.bool(GENERATION_PROMPT, true);
    ChatRequest request =
        ChatRequest.read(fields.without(GENERATION_PROMPT), limits, exchange.tenant());
    try (ModelRegistry.Lease lease = models.acquire(request.model())) {
      exchange.answer(new JsonObject().with("prompt", request.render(lease.model(), begins)));
    }
  }
}
