package dev.vidrio.server.encoding;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.evaluation.Matryoshka;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.WorkQueue;
import dev.vidrio.server.prompt.Prompt;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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
  private static final String PROMPT_NAME = "prompt_name";

  /**
   * The texts of a request, and how they become vectors.
   *
   * @param model the name of the model
   * @param input the texts
   * @param pooling how the vectors of tokens become one; empty for that of the model file
   * @param normalize if true, vectors have length 1
   * @param dimensions the size to which vectors are shortened; 0 for the model's
   * @param truncate if true, texts that exceed the context are cut
   * @param promptName the name of the model's prompt that precedes each text; empty for none
   */
  public record Inputs(
      String model,
      List<Prompt> input,
      Optional<Pooling> pooling,
      boolean normalize,
      int dimensions,
      boolean truncate,
      String promptName) {}

  /** Creates the response in the format of a route. */
  @FunctionalInterface
  public interface Format {
    /**
     * Returns the response.
     *
     * @param tokens the number of tokens of all texts
     */
    JsonObject toJson(List<float[]> vectors, int tokens);
  }

  /** Returns the route. */
  public Route route() {
    return Route.post("/v1/embeddings", this::handle);
  }

  private void handle(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    String model = fields.required("model").string();
    var input = Prompt.readMixed(fields.required("input"), MAX_TEXTS);
    fields.ignore("user");
    boolean base64 = fields.oneOf("encoding_format", "float", "float", "base64").equals("base64");
    var inputs =
        new Inputs(
            model,
            input,
            pooling(fields),
            fields.bool("normalize", true),
            fields.integer("dimensions", 0, 1, Integer.MAX_VALUE),
            false,
            fields.string(PROMPT_NAME, ""));
    fields.end();
    embed(exchange, inputs, (vectors, tokens) -> toJson(model, vectors, tokens, base64));
  }

  private static Optional<Pooling> pooling(JsonFields fields) {
    String[] names =
        Arrays.stream(Pooling.values())
            .map(pooling -> pooling.name().toLowerCase(Locale.ROOT))
            .toArray(String[]::new);
    String name = fields.oneOf("pooling", "", names);
    return name.isEmpty()
        ? Optional.empty()
        : Optional.of(Pooling.valueOf(name.toUpperCase(Locale.ROOT)));
  }

  /** Computes the vectors of texts and sends the response. */
  public void embed(Exchange exchange, Inputs inputs, Format format) throws IOException {
    exchange.answer(
        queue.run(
            models,
            inputs.model(),
            time,
            lease -> work(inputs, format, lease),
            exchange::startHeartbeats));
  }

  private static Supplier<JsonObject> work(
      Inputs inputs, Format format, ModelRegistry.Lease lease) {
    Model model = lease.model().model();
    requireWidth(inputs, model);
    List<int[]> texts = encode(inputs, model);
    Pooling pooling = inputs.pooling().orElseGet(() -> Embeddings.pooling(model));
    SessionOptions options = SessionOptions.DEFAULT.withAdaptation(lease.adaptation());
    return () -> {
      List<float[]> embeddings =
          Embeddings.of(
              model,
              texts,
              pooling,
              inputs.normalize(),
              options,
              done -> WorkQueue.stopIfCanceled());
      if (inputs.dimensions() != 0) {
        embeddings =
            embeddings.stream()
                .map(vector -> Matryoshka.shorten(vector, inputs.dimensions(), inputs.normalize()))
                .toList();
      }
      return format.toJson(embeddings, texts.stream().mapToInt(ids -> ids.length).sum());
    };
  }

  private static void requireWidth(Inputs inputs, Model model) {
    int width = Embeddings.width(model);
    if (inputs.dimensions() > width) {
      throw ApiException.invalid(
          "dimensions", Integer.toString(inputs.dimensions()), "must be 1 to " + width);
    }
  }

  private static List<int[]> encode(Inputs inputs, Model model) {
    Tokenizer tokenizer = model.tokenizer();
    int limit = model.architecture().contextLength();
    List<int[]> texts = new ArrayList<>();
    for (Prompt prompt : prompts(inputs, model)) {
      int[] ids = prompt.encode(tokenizer);
      if (ids.length > limit && !inputs.truncate()) {
        throw ApiException.contextLength(prompt.path(), ids.length, limit);
      }
      texts.add(ids.length > limit ? cut(prompt, tokenizer, limit) : ids);
    }
    return texts;
  }

  /** Returns the texts, each after the prompt of this name. */
  private static List<Prompt> prompts(Inputs inputs, Model model) {
    if (inputs.promptName().isEmpty()) {
      return inputs.input();
    }
    try {
      String before = Embeddings.prompt(model, inputs.promptName());
      return inputs.input().stream().map(text -> text.after(before, PROMPT_NAME)).toList();
    } catch (InvalidInputException e) {
      throw ApiException.invalid(PROMPT_NAME, e.value(), e.limit());
    }
  }

  /** Cuts a prompt; a text keeps the tokens that the model expects at its end. */
  private static int[] cut(Prompt prompt, Tokenizer tokenizer, int limit) {
    String text = prompt.text();
    return text == null
        ? Arrays.copyOf(prompt.encode(tokenizer), limit)
        : tokenizer.encode(text, EncodeOptions.DEFAULT, limit);
  }

  private static JsonObject toJson(
      String model, List<float[]> embeddings, int tokens, boolean base64) {
    List<JsonObject> data = new ArrayList<>();
    for (int i = 0; i < embeddings.size(); i++) {
      data.add(
          new JsonObject()
              .with("object", "embedding")
              .with("index", i)
              .with("embedding", base64 ? base64(embeddings.get(i)) : embeddings.get(i)));
    }
    return new JsonObject()
        .with("object", "list")
        .with("data", data)
        .with("model", model)
        .with("usage", Map.of("prompt_tokens", tokens, "total_tokens", tokens));
  }

  /** Encodes little-endian F32 values as Base64. */
  private static String base64(float[] vector) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(vector);
    return Base64.getEncoder().encodeToString(bytes.array());
  }
}
