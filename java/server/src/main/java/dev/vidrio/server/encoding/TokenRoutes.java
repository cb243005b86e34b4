package dev.vidrio.server.encoding;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.prompt.TokenIds;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The routes {@code /tokenize} and {@code /detokenize}. Both also have llama.cpp's fields: {@code
 * content} for {@code text}, which has no BOS by default there, and {@code with_pieces}.
 *
 * @param models the models
 */
public record TokenRoutes(ModelRegistry models) {

  /** Returns the routes. */
  public List<Route> routes() {
    return List.of(
        Route.post("/tokenize", this::tokenize), Route.post("/detokenize", this::detokenize));
  }

  private void tokenize(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    String id = fields.required("model").string();
    JsonValue content = fields.value("content");
    if (content != null) {
      fields.reject("text", "conflicts with content");
    }
    String text = (content == null ? fields.required("text") : content).string();
    boolean special = fields.bool("parse_special", true);
    boolean add = fields.bool("add_special", content == null);
    boolean pieces = fields.bool("pieces", false);
    boolean paired = fields.bool("with_pieces", false);
    fields.end();
    try (ModelRegistry.Lease lease = models.acquire(id)) {
      Tokenizer tokenizer = lease.model().tokenizer();
      int[] ids = tokenizer.encode(text, new EncodeOptions(special, add));
      exchange.answer(
          new JsonObject()
              .with("count", ids.length)
              .with("tokens", paired ? pairs(tokenizer, ids) : ids)
              .withPresent("pieces", pieces ? tokenizer.pieces(ids) : null));
    }
  }

  /** Returns tokens in llama.cpp's format: {@code {"id": …, "piece": …}}. */
  private static List<JsonObject> pairs(Tokenizer tokenizer, int... ids) {
    return Arrays.stream(ids)
        .mapToObj(id -> new JsonObject().with("id", id).with("piece", piece(tokenizer, id)))
        .toList();
  }

  /** Returns the text of a token, or its bytes if they are a part of a character. */
  private static Object piece(Tokenizer tokenizer, int id) {
    byte[] bytes = tokenizer.bytes(id);
    String text = new String(bytes, StandardCharsets.UTF_8);
    return Arrays.equals(text.getBytes(StandardCharsets.UTF_8), bytes)
        ? text
        : IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray();
  }

  private void detokenize(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    String id = fields.required("model").string();
    TokenIds tokens = TokenIds.read(fields.required("tokens"));
    boolean pieces = fields.bool("pieces", false);
    fields.end();
    try (ModelRegistry.Lease lease = models.acquire(id)) {
      Tokenizer tokenizer = lease.model().tokenizer();
      int[] ids = tokens.of(tokenizer);
      String text = tokenizer.decode(ids);
      exchange.answer(
          new JsonObject()
              .with("text", text)
              .with("content", text)
              .withPresent("pieces", pieces ? tokenizer.pieces(ids) : null));
    }
  }
}
