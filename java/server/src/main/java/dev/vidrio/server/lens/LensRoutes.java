package dev.vidrio.server.lens;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** {@code /v1/lens/…}: what happens inside a model. */
public final class LensRoutes {
  private final LensWork work;

  public LensRoutes(LensWork work) {
    this.work = work;
  }

  public List<Route> routes() {
    return List.of(
        route("model", _ -> LensRoutes::describe),
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
  private static Supplier<LensQuestion.Answer> describe(ServedModel model) {
    var architecture = model.model().architecture();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", model.id());
    json.put("layers", architecture.layers());
    json.put("width", architecture.width());
    json.put("vocabulary", architecture.vocabulary());
    json.put("chat", model.isChat());
    json.put("steerable", model.isSteerable());
    json.put("hooks", Lens.of(model.model()).points().stream().map(HookPoint::name).toList());
    return () -> LensQuestion.Answer.json(json);
  }
}
