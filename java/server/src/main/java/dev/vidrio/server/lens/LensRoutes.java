package dev.vidrio.server.lens;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.server.command.LensCommands;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * The routes {@code /v1/lens/…}.
 *
 * @param models the models
 * @param executor runs the requests
 * @param commands the commands of {@code /v1/lens/commands}
 */
public record LensRoutes(ModelRegistry models, LensExecutor executor, LensCommands commands) {

  /** Returns the routes. */
  public List<Route> routes() {
    return List.of(
        Route.post("/v1/lens/model", this::describe),
        route("logits", LensLogits::read),
        route("attention", LensAttention::read),
        route("attribution", LensAttribution::read),
        route("cache", LensCache::read),
        route("patch", LensPatch::read),
        Route.post("/v1/lens/compare", this::compare),
        Route.get("/v1/lens/commands", exchange -> exchange.answer(list())),
        route("commands", fields -> LensCommand.read(commands, executor::open, fields)));
  }

  /** Returns a route with a reader of the fields of its requests, except for their model. */
  private Route route(String name, Function<JsonFields, LensRequest> reader) {
    return Route.post("/v1/lens/" + name, exchange -> handle(exchange, reader));
  }

  private void handle(Exchange exchange, Function<JsonFields, LensRequest> reader)
      throws IOException {
    JsonFields fields = models.fields(exchange);
    String model = fields.required("model").string();
    LensRequest request = reader.apply(fields);
    fields.end();
    LensRequest.Answer answer =
        executor.run(
            model,
            served -> {
              if (!request.supportsEncoders()) {
                served.requireDecoder();
              }
              return request.prepare(served);
            },
            cancel -> {
              if (request.isJson()) {
                exchange.startHeartbeats(cancel);
              }
            });
    exchange.response().finish(200, answer.type, answer.body);
  }

  /** Handles {@code /v1/lens/compare}. */
  private void compare(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    LensCompare request = LensCompare.read(fields);
    fields.end();
    LensRequest.Answer answer =
        executor.runBoth(
            request.model(), request.with(), request::prepare, exchange::startHeartbeats);
    exchange.response().finish(200, answer.type, answer.body);
  }

  private JsonObject list() throws IOException {
    return new JsonObject()
        .with("commands", commands.describe())
        .with("shared_files", commands.sharedFiles())
        .with("dictionaries", commands.dictionaries());
  }

  /** Handles {@code /v1/lens/model}. */
  private void describe(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    String id = fields.required("model").string();
    fields.end();
    try (ModelRegistry.Lease lease = models.acquire(id)) {
      exchange.answer(describe(id, models.parent(id), lease.model()));
    }
  }

  /**
   * Returns the description of a model. An adapter has that of its model, but cannot be steered.
   */
  private static JsonObject describe(String id, Optional<String> parent, ServedModel model) {
    var architecture = model.model().architecture();
    return new JsonObject()
        .with("model", id)
        .withPresent("parent", parent.orElse(null))
        .with("layers", architecture.layers())
        .with("width", architecture.width())
        .with("vocabulary", architecture.vocabulary())
        .with("chat", model.isChat())
        .with("steerable", model.isSteerable() && parent.isEmpty())
        .with(
            "hooks",
            Lens.ofActivations(model.model()).points().stream().map(HookPoint::name).toList());
  }
}
