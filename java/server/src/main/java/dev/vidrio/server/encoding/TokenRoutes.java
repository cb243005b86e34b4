package dev.vidrio.server.encoding;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.prompt.TokenIds;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The routes {@code /tokenize} and {@code /detokenize}.
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
    String text = fields.required("text").string();
    boolean special = fields.bool("parse_special", true);
    boolean add = fields.bool("add_special", true);
    boolean pieces = fields.bool("pieces", false);
    fields.end();
    try (ModelRegistry.Lease lease = models.acquire(id)) {
      Tokenizer tokenizer = lease.model().tokenizer();
      int[] ids = tokenizer.encode(text, new EncodeOptions(special, add));
      exchange.answer(
          new JsonObject()
              .with("count", ids.length)
              .with("tokens", ids)
              .withPresent(
                  "pieces",
                  pieces ? Arrays.stream(ids).mapToObj(tokenizer::piece).toList() : null));
    }
  }

  private void detokenize(Exchange exchange) throws IOException {
    JsonFields fields = models.fields(exchange);
    String id = fields.required("model").string();
    TokenIds tokens = TokenIds.read(fields.required("tokens"));
    fields.end();
    try (ModelRegistry.Lease lease = models.acquire(id)) {
      Tokenizer tokenizer = lease.model().tokenizer();
      exchange.answer(Map.of("text", tokenizer.decode(tokens.of(tokenizer))));
    }
  }
}
