package dev.vidrio.server.anthropic;

import dev.vidrio.server.chat.ChatRequest;
import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * The routes of Anthropic's Messages API.
 *
 * @param models the models
 * @param text the pipeline of the routes that generate text
 * @param limits limits of a request
 */
public record AnthropicRoutes(ModelRegistry models, GenerationRoutes text, RequestLimits limits) {

  /** Returns the routes. */
  public List<Route> routes() {
    return List.of(
        text.route("/v1/messages", MessagesRequest::read),
        Route.post("/v1/messages/count_tokens", this::countTokens));
  }

  private void countTokens(Exchange exchange) throws IOException {
    ChatRequest request =
        MessagesRequest.readPrompt(models.fields(exchange), limits, exchange.tenant());
    try (ModelRegistry.Lease lease = models.acquire(request.model())) {
      int[] prompt = request.encode(lease.model()).getFirst();
      exchange.answer(Map.of("input_tokens", prompt.length));
    }
  }
}
