package dev.vidrio.server.ollama;

import dev.vidrio.server.encoding.EmbeddingRoute;
import dev.vidrio.server.generation.GenerationRoutes;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.prompt.Prompt;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The routes of Ollama's API.
 *
 * @param models the models
 * @param text the pipeline of the routes that generate text
 * @param embeddings computes embeddings
 */
public record OllamaRoutes(ModelRegistry models, GenerationRoutes text, EmbeddingRoute embeddings) {
  private static final int MAX_TEXTS = 2048;

  /** Routes of Ollama's model registry. */
  private static final List<String> REGISTRY =
      List.of("/api/pull", "/api/push", "/api/create", "/api/copy", "/api/blobs/");

  /** Returns the routes. */
  public List<Route> routes() {
    List<Route> routes =
        new ArrayList<>(
            List.of(
                Route.post("/api/chat", this::chat),
                Route.post("/api/generate", this::generate),
                Route.post("/api/embed", this::embed),
                Route.post("/api/embeddings", this::embedOne)));
    routes.addAll(new OllamaModels(models).routes());
    REGISTRY.forEach(path -> routes.add(Route.post(path, OllamaRoutes::rejectRegistry)));
    routes.add(new Route("DELETE", "/api/delete", Route.Access.KEY, OllamaRoutes::rejectRegistry));
    return routes;
  }

  private static void rejectRegistry(Exchange exchange) {
    throw ApiException.notImplemented(
        exchange.path()
            + ": not supported; the served models are set when the server starts (vidrio serve -m),"
            + " and vidrio pull downloads models");
  }

  private void chat(Exchange exchange) throws IOException {
    JsonFields fields = exchange.fields();
    OllamaRequest request = read(fields);
    JsonValue messages = fields.value("messages");
    if (messages == null || (messages.isArray() && messages.node().isEmpty())) {
      loaded(exchange, request, "message", Map.of("role", "assistant", "content", ""));
      return;
    }
    text.handle(exchange, fields, (_, limits, tenant) -> request.chat(limits, tenant));
  }

  private void generate(Exchange exchange) throws IOException {
    JsonFields fields = exchange.fields();
    OllamaRequest request = read(fields);
    if (fields.string("prompt", "").isEmpty()) {
      loaded(exchange, request, "response", "");
      return;
    }
    text.handle(exchange, fields, (_, limits, tenant) -> request.generate(limits, tenant));
  }

  /** Loads the model of a request, and reads the fields that both routes have. */
  private OllamaRequest read(JsonFields fields) {
    String name = fields.required("model").string();
    String model = OllamaModels.resolve(models, name);
    long start = System.nanoTime();
    try (ModelRegistry.Lease lease = models.acquire(model)) {
      var load = Duration.ofNanos(System.nanoTime() - start);
      return new OllamaRequest(
          fields, name, model, lease.model().engine().positions(), lease.model().isChat(), load);
    }
  }

  /** Responds to a request without a prompt, which only loads the model. */
  private static void loaded(Exchange exchange, OllamaRequest request, String field, Object value)
      throws IOException {
    request.requireLoad();
    exchange.answer(
        new JsonObject()
            .with("model", request.name())
            .with("created_at", Instant.now().toString())
            .with(field, value)
            .with("done", true)
            .with("done_reason", "load"));
  }

  private void embed(Exchange exchange) throws IOException {
    long start = System.nanoTime();
    JsonFields fields = exchange.fields();
    String name = fields.required("model").string();
    List<Prompt> input = Prompt.read(fields.required("input"), MAX_TEXTS);
    int dimensions = fields.integer("dimensions", 0, 1, Integer.MAX_VALUE);
    boolean truncate = fields.bool("truncate", true);
    embed(
        exchange,
        fields,
        inputs(name, input, true, dimensions, truncate),
        (vectors, tokens) ->
            new JsonObject()
                .with("model", name)
                .with("embeddings", vectors)
                .with("total_duration", System.nanoTime() - start)
                .with("prompt_eval_count", tokens));
  }

  /** Responds to the older route for one text. Its vectors are not normalized. */
  private void embedOne(Exchange exchange) throws IOException {
    JsonFields fields = exchange.fields();
    String name = fields.required("model").string();
    List<Prompt> input = Prompt.read(fields.required("prompt"), 1);
    embed(
        exchange,
        fields,
        inputs(name, input, false, 0, true),
        (vectors, _) -> new JsonObject().with("embedding", vectors.getFirst()));
  }

  private EmbeddingRoute.Inputs inputs(
      String name, List<Prompt> input, boolean normalize, int dimensions, boolean truncate) {
    return new EmbeddingRoute.Inputs(
        OllamaModels.resolve(models, name),
        input,
        Optional.empty(),
        normalize,
        dimensions,
        truncate,
        "");
  }

  private void embed(
      Exchange exchange,
      JsonFields fields,
      EmbeddingRoute.Inputs inputs,
      EmbeddingRoute.Format format)
      throws IOException {
    OllamaRequest.keepAlive(fields);
    @Nullable JsonValue options = fields.value("options");
    if (options != null) {
      JsonFields known = options.fields();
      OllamaOptions.readLoadOptions(known);
      known.end();
    }
    fields.end();
    embeddings.embed(exchange, inputs, format);
  }
}
