package dev.vidrio.server;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.metrics.RequestMetrics;
import dev.vidrio.server.model.ModelRegistry;
import java.io.IOException;
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
    exchange.answer(
        new JsonObject()
            .with("object", "list")
            .with("data", models.ids().stream().map(this::toJson).toList()));
  }

  private void model(Exchange exchange) throws IOException {
    String id = exchange.path().substring(MODEL.length());
    exchange.answer(toJson(id));
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
