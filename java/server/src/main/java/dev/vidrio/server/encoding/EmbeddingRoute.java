package dev.vidrio.server.encoding;

import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.WorkQueue;
import dev.vidrio.server.prompt.Prompt;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;

/**
 * The route {@code /v1/embeddings}.
 *
 * @param models the models
 * @param queue runs the requests
 * @param time the time limit of a request
 */
public record EmbeddingRoute(ModelRegistry models, WorkQueue queue, Duration time) {
  private static final int MAX_TEXTS = 2048;

  /** The fields of a request. */
  private record Request(
      String model,
      List<Prompt> input,
      boolean base64,
      Pooling pooling,
      boolean normalize,
      int dimensions) {}

  /** Returns the route. */
  public Route route() {
    return Route.post("/v1/embeddings", this::handle);
  }

  private static Request read(JsonFields fields) {
    String model = fields.required("model").string();
    var input = Prompt.read(fields.required("input"), MAX_TEXTS);
    fields.ignore("user");
    var request =
        new Request(
            model,
            input,
            fields.oneOf("encoding_format", "float", "float", "base64").equals("base64"),
            Pooling.valueOf(
                fields.oneOf("pooling", "mean", "mean", "last").toUpperCase(Locale.ROOT)),
            fields.bool("normalize", true),
            fields.integer("dimensions", 0, 1, Integer.MAX_VALUE));
    fields.end();
    return request;
  }

  private void handle(Exchange exchange) throws IOException {
    Request request = read(models.fields(exchange));
    exchange.answer(
        queue.run(
            models,
            request.model(),
            time,
            lease -> work(request, lease),
            exchange::startHeartbeats));
  }

  private static Supplier<JsonObject> work(Request request, ModelRegistry.Lease lease) {
    Model model = lease.model().model();
    requireWidth(request, model);
    List<int[]> texts = encode(request, model);
    SessionOptions options = SessionOptions.DEFAULT.withAdaptation(lease.adaptation());
    return () -> {
      List<float[]> embeddings =
          Embeddings.of(
              model,
              texts,
              request.pooling(),
              request.normalize(),
              options,
              done -> stopIf(Thread.currentThread().isInterrupted()));
      return toJson(request, texts, embeddings);
    };
  }

  private static void stopIf(boolean canceled) {
    if (canceled) {
      throw new CancellationException("the request was canceled");
    }
  }

  private static void requireWidth(Request request, Model model) {
    int width = model.architecture().width();
    if (request.dimensions() != 0 && request.dimensions() != width) {
      throw ApiException.unsupported(
          "dimensions", Integer.toString(request.dimensions()), "not supported; must be " + width);
    }
  }

  private static List<int[]> encode(Request request, Model model) {
    Tokenizer tokenizer = model.tokenizer();
    int limit = model.architecture().contextLength();
    List<int[]> texts = new ArrayList<>();
    for (Prompt prompt : request.input()) {
      int[] ids = prompt.encode(tokenizer);
      if (ids.length > limit) {
        throw ApiException.contextLength(prompt.path(), ids.length, limit);
      }
      texts.add(ids);
    }
    return texts;
  }

  private static JsonObject toJson(Request request, List<int[]> texts, List<float[]> embeddings) {
    List<JsonObject> data = new ArrayList<>();
    for (int i = 0; i < embeddings.size(); i++) {
      data.add(
          new JsonObject()
              .with("object", "embedding")
              .with("index", i)
              .with("embedding", request.base64() ? base64(embeddings.get(i)) : embeddings.get(i)));
    }
    int tokens = texts.stream().mapToInt(ids -> ids.length).sum();
    return new JsonObject()
        .with("object", "list")
        .with("data", data)
        .with("model", request.model())
        .with("usage", Map.of("prompt_tokens", tokens, "total_tokens", tokens));
  }

  /** Encodes little-endian F32 values as Base64. */
  private static String base64(float[] vector) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(vector);
    return Base64.getEncoder().encodeToString(bytes.array());
  }
}
