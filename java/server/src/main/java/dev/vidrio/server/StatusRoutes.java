package dev.vidrio.server;

import dev.vidrio.server.http.ApiFormat;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.model.ModelRegistry;
import java.io.IOException;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * The routes of the server's state: health, readiness, metrics, models.
 *
 * @param models the models
 * @param metrics the meters
 * @param state returns the state of the server
 */
record StatusRoutes(ModelRegistry models, RequestMetrics metrics, Supplier<State> state) {
  private static final String MODEL = "/v1/models/";

  /** The state that {@code /ready} reports. */
  enum State {
    LOADING("loading"),
    READY("ready"),
    DRAINING("shutting down");

    private final String text;

    State(String text) {
      this.text = text;
    }
  }

  List<Route> routes() {
    return List.of(
        Route.probe("/health", exchange -> exchange.answer(Map.of("status", "ok"))),
        Route.probe("/ready", this::ready),
        new Route("GET", "/metrics", Route.Access.MONITORING, this::metrics),
        Route.get("/v1/models", this::list),
        Route.get(MODEL, this::model));
  }

  private void ready(Exchange exchange) throws IOException {
    State now = state.get();
    exchange.answer(now == State.READY ? 200 : 503, Map.of("status", now.text));
  }

  private void metrics(Exchange exchange) throws IOException {
    exchange.response().finish(200, RequestMetrics.CONTENT_TYPE, metrics.scrape());
  }

  private void list(Exchange exchange) throws IOException {
    List<String> ids = models.ids();
    if (exchange.api() == ApiFormat.ANTHROPIC) {
      exchange.answer(
          new JsonObject()
              .with("data", ids.stream().map(this::toAnthropicJson).toList())
              .with("has_more", false)
              .with("first_id", ids.getFirst())
              .with("last_id", ids.getLast()));
      return;
    }
    exchange.answer(
        new JsonObject()
            .with("object", "list")
            .with("data", ids.stream().map(this::toJson).toList()));
  }

  private void model(Exchange exchange) throws IOException {
    String id = exchange.path().substring(MODEL.length());
    JsonObject json = toJson(id); // rejects unknown models
    exchange.answer(exchange.api() == ApiFormat.ANTHROPIC ? toAnthropicJson(id) : json);
  }

  private JsonObject toAnthropicJson(String id) {
    return new JsonObject()
        .with("type", "model")
        .with("id", id)
        .with("display_name", id)
        .with("created_at", models.created().truncatedTo(ChronoUnit.SECONDS).toString())
        .with("lifecycle", "active");
  }

  private JsonObject toJson(String id) {
    return new JsonObject()
        .with("id", id)
        .with("object", "model")
        .with("created", models.created().getEpochSecond())
        .with("owned_by", "vidrio")
        .withPresent("parent", models.parent(id).orElse(null))
        .with("loaded", models.loaded(id).isPresent());
  }
}
