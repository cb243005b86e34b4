package dev.vidrio.server.text;

import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.Models;
import dev.vidrio.server.prompt.TokenIds;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Text to tokens and back. */
public final class TokenRoutes {
  private final Models models;

  public TokenRoutes(Models models) {
    this.models = models;
  }

  public List<Route> routes() {
    return List.of(
        Route.post("/tokenize", this::tokenize), Route.post("/detokenize", this::detokenize));
  }

  private void tokenize(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    String id = fields.required("model").string();
    String text = fields.required("text").string();
    boolean special = fields.bool("parse_special", true);
    boolean add = fields.bool("add_special", true);
    boolean pieces = fields.bool("pieces", false);
    fields.end();
    try (Models.Use use = models.use(id)) {
      Tokenizer tokenizer = use.model().tokenizer();
      int[] ids = tokenizer.encode(text, new EncodeOptions(special, add));
      Map<String, Object> json = new LinkedHashMap<>();
      json.put("count", ids.length);
      json.put("tokens", ids);
      if (pieces) {
        json.put("pieces", Arrays.stream(ids).mapToObj(tokenizer::piece).toList());
      }
      exchange.answer(Json.bytes(json));
    }
  }

  private void detokenize(Exchange exchange) throws IOException {
    Fields fields = exchange.fields();
    String id = fields.required("model").string();
    TokenIds tokens = TokenIds.read(fields.required("tokens"));
    fields.end();
    try (Models.Use use = models.use(id)) {
      Tokenizer tokenizer = use.model().tokenizer();
      exchange.answer(Json.bytes(Map.of("text", tokenizer.decode(tokens.of(tokenizer)))));
    }
  }
}
