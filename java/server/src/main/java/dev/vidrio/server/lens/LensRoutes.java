package dev.vidrio.server.lens;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.Models;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code /v1/lens/…}: what happens inside a model. */
public final class LensRoutes {
  private final Models models;
  private final LensWork work;

  public LensRoutes(Models models, LensWork work) {
    this.models = models;
    this.work = work;
  }

  public List<Route> routes() {
    return List.of(
        Route.post("/v1/lens/model", this::describe),
        route("logits", LensLogits::read),
        route("attention", LensAttention::read),
        route("attribution", LensAttribution::read),
        route("cache", LensCache::read),
        route("patch", LensPatch::read));
  }

  private Route route(String name, LensQuestion.Reader reader) {
    return Route.post("/v1/lens/" + name, exchange -> handle(exchange, reader));
  }

  private void handle(Exchange exchange, LensQuestion.Reader reader) throws IOException {
    Fields fields = exchange.fields();
    String model = fields.required("model").string();
    LensQuestion question = reader.read(fields);
    fields.end();
    LensQuestion.Answer answer =
        work.run(
            model,
            question::of,
            callOff -> {
              if (question.isJson()) {
                exchange.whileWaiting(callOff);
              }
            });
    exchange.reply().finish(200, answer.type(), answer.body());
  }

  /** What can be asked of a model. */
  private void describe(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    String id = fields.required("model").string();
    fields.end();
    try (Models.Use use = models.use(id)) {
      exchange.answer(Json.bytes(describe(id, models.parent(id), use.model())));
    }
  }

  /** An adapter has the description of its model, but that it can only be asked to write. */
  private static Map<String, Object> describe(
      String id, Optional<String> parent, ServedModel model) {
    var architecture = model.model().architecture();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", id);
    parent.ifPresent(name -> json.put("parent", name));
    json.put("layers", architecture.layers());
    json.put("width", architecture.width());
    json.put("vocabulary", architecture.vocabulary());
    json.put("chat", model.isChat());
    json.put("steerable", model.isSteerable() && parent.isEmpty());
    json.put("hooks", Lens.of(model.model()).points().stream().map(HookPoint::name).toList());
    return json;
  }
}
