package dev.vidrio.server.generation;

import dev.vidrio.server.http.JsonValue;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The biases of logits in a request: OpenAI's object of token ids, in which llama.cpp also has
 * texts, or llama.cpp's array of pairs.
 *
 * @param ofTokens by token id
 * @param ofTexts by text; the bias is that of each token of the text
 */
record LogitBiases(Map<Integer, Float> ofTokens, Map<String, Float> ofTexts) {
  private static final String TOKEN_ID = "\\d{1,9}";
  private static final int MAX = 1 << 16;

  /** Reads the field, or returns no biases if it is null. */
  static LogitBiases read(@Nullable JsonValue value) {
    var biases = new LogitBiases(new HashMap<>(), new HashMap<>());
    if (value == null) {
      return biases;
    }
    if (value.isArray()) {
      for (JsonValue pair : value.elements(0, MAX)) {
        biases.add(pair.elements(2, 2));
      }
      return biases;
    }
    if (!value.isObject()) {
      throw value.error("must be an object that maps token ids to numbers");
    }
    for (Map.Entry<String, JsonNode> entry : value.node().properties()) {
      String name = entry.getKey();
      float bias = bias(new JsonValue(value.path() + "." + name, entry.getValue()));
      if (name.matches(TOKEN_ID)) {
        biases.ofTokens.put(Integer.valueOf(name), bias);
      } else {
        biases.ofTexts.put(name, bias);
      }
    }
    return biases;
  }

  private void add(List<JsonValue> pair) {
    JsonValue of = pair.getFirst();
    if (of.isString()) {
      ofTexts.put(of.string(), bias(pair.getLast()));
    } else {
      ofTokens.put(of.integer(0, Integer.MAX_VALUE), bias(pair.getLast()));
    }
  }

  private static float bias(JsonValue value) {
    return (float) value.number(-100, 100);
  }
}
