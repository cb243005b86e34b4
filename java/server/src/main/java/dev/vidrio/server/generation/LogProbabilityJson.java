package dev.vidrio.server.generation;

import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.tokenizer.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Log-probabilities in the two JSON formats of OpenAI's API. */
public final class LogProbabilityJson {
  /** OpenAI's value for a probability of 0, since JSON has no infinity. */
  private static final double MIN = -9999;

  private LogProbabilityJson() {}

  private static double finite(double logProbability) {
    return Math.max(logProbability, MIN);
  }

  /**
   * Returns the format of chats: {@code {"content": [{"token": …, "logprob": …}], "refusal":
   * null}}.
   */
  public static JsonObject ofChat(Tokenizer tokenizer, List<TokenLogProbability> tokens) {
    return new JsonObject().with("content", ofTokens(tokenizer, tokens)).with("refusal", null);
  }

  /** Returns the tokens in the format of chats. */
  public static List<JsonObject> ofTokens(Tokenizer tokenizer, List<TokenLogProbability> tokens) {
    return tokens.stream().map(token -> ofToken(tokenizer, token)).toList();
  }

  private static JsonObject ofToken(Tokenizer tokenizer, TokenLogProbability token) {
    JsonObject json = one(tokenizer, token.token(), token.logProbability());
    json.put(
        "top_logprobs",
        token.top().stream()
            .map(other -> one(tokenizer, other.token(), other.logProbability()))
            .toList());
    return json;
  }

  private static JsonObject one(Tokenizer tokenizer, int id, double logProbability) {
    byte[] bytes = tokenizer.bytes(id);
    int[] unsigned = IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray();
    return new JsonObject()
        .with("id", id)
        .with("token", tokenizer.piece(id))
        .with("logprob", finite(logProbability))
        .with("bytes", unsigned);
  }

  /**
   * Returns the format of completions: parallel lists.
   *
   * @param ids the token ids
   * @param tokens their log-probabilities; null for the first token of a prompt, and for tokens
   *     that were not reached
   * @param offsets the offset of each token's text
   */
  public static JsonObject ofCompletion(
      Tokenizer tokenizer,
      List<Integer> ids,
      List<@Nullable TokenLogProbability> tokens,
      List<Integer> offsets) {
    List<String> names = new ArrayList<>();
    List<@Nullable Double> own = new ArrayList<>();
    List<@Nullable Map<String, Double>> top = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) {
      TokenLogProbability token = tokens.get(i);
      names.add(name(tokenizer, ids.get(i)));
      own.add(token == null ? null : finite(token.logProbability()));
      top.add(token == null ? null : top(tokenizer, token));
    }
    return new JsonObject()
        .with("token_ids", ids)
        .with("tokens", names)
        .with("token_logprobs", own)
        .with("top_logprobs", top)
        .with("text_offset", offsets);
  }

  /** Returns the most likely tokens and the generated one. */
  private static Map<String, Double> top(Tokenizer tokenizer, TokenLogProbability token) {
    Map<String, Double> top = new LinkedHashMap<>();
    for (TokenLogProbability.Alternative other : token.top()) {
      var _ = top.putIfAbsent(name(tokenizer, other.token()), finite(other.logProbability()));
    }
    var _ = top.putIfAbsent(name(tokenizer, token.token()), finite(token.logProbability()));
    return top;
  }

  /** Returns a token's text, or {@code bytes:\xe2\x82} for a partial character. */
  private static String name(Tokenizer tokenizer, int id) {
    byte[] bytes = tokenizer.bytes(id);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return "bytes:\\x" + HexFormat.ofDelimiter("\\x").formatHex(bytes);
    }
  }
}
