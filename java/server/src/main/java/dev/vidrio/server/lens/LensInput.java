package dev.vidrio.server.lens;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.ChatMessages;
import dev.vidrio.server.prompt.TokenIds;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The input tokens of a lens request.
 *
 * @param path the path of the field, for errors
 * @param source a text, token ids, or a conversation up to the beginning of the answer
 * @param answer further tokens; null for none
 */
record LensInput(String path, Function<ServedModel, int[]> source, @Nullable TokenIds answer) {
  /** Maximum tokens of a forward pass. */
  static final int MAX_TOKENS = 1024;

  /** Reads {@code prompt}, {@code tokens} or {@code messages}, and {@code answer}. */
  static LensInput read(JsonFields fields) {
    List<LensInput> given = new ArrayList<>();
    JsonValue answer = fields.value("answer");
    TokenIds after = answer == null ? null : TokenIds.read(answer);
    for (String name : List.of("prompt", "tokens", "messages")) {
      JsonValue value = fields.value(name);
      if (value != null) {
        given.add(new LensInput(name, source(name, value), after));
      }
    }
    if (given.size() != 1) {
      throw ApiException.invalid(
          "prompt", "exactly one of prompt, tokens and messages is required");
    }
    return given.getFirst();
  }

  private static Function<ServedModel, int[]> source(String name, JsonValue value) {
    return switch (name) {
      case "prompt" -> textSource(value.string());
      case "tokens" -> idSource(value);
      default -> {
        List<ChatMessage> messages = ChatMessages.read(value);
        yield model ->
            ChatMessages.encode(model.chat(), messages, ChatOptions.DEFAULT, value.path());
      }
    };
  }

  private static Function<ServedModel, int[]> textSource(String text) {
    return model -> model.tokenizer().encode(text);
  }

  private static Function<ServedModel, int[]> idSource(JsonValue value) {
    TokenIds ids = TokenIds.read(value);
    return model -> ids.of(model.tokenizer());
  }

  /** Reads a text or token ids. */
  static LensInput plain(JsonValue value) {
    Function<ServedModel, int[]> source =
        value.isString() ? textSource(value.string()) : idSource(value);
    return new LensInput(value.path(), source, null);
  }

  /** Reads a single token: an id, or a text that is one token. */
  static Function<ServedModel, int[]> token(JsonValue value) {
    if (value.isInteger()) {
      return model -> new int[] {value.integer(0, model.tokenizer().vocabularySize() - 1)};
    }
    String text = value.string();
    return model -> {
      int[] ids = model.tokenizer().encode(text, new EncodeOptions(true, false));
      if (ids.length != 1) {
        throw value.error("must be one token, but has " + ids.length);
      }
      return ids;
    };
  }

  /**
   * Returns the tokens.
   *
   * @throws ApiException 400 if there are none or too many, or an id is not in the vocabulary
   */
  int[] tokens(ServedModel model) {
    int[] before = source.apply(model);
    int[] after = answer == null ? new int[0] : answer.of(model.tokenizer());
    int count = Math.addExact(before.length, after.length);
    int limit = maxTokens(model);
    if (count < 1 || count > limit) {
      throw ApiException.invalid(path, "of " + count + " tokens", "must have 1 to " + limit);
    }
    int[] tokens = Arrays.copyOf(before, count);
    System.arraycopy(after, 0, tokens, before.length, after.length);
    return tokens;
  }

  /** Returns the number of tokens of {@code answer}, which are the last. */
  int answerTokens() {
    return answer == null ? 0 : answer.count();
  }

  /** Returns the maximum number of tokens. */
  static int maxTokens(ServedModel model) {
    return Math.min(MAX_TOKENS, model.model().architecture().contextLength());
  }

  /**
   * Returns a position.
   *
   * @param position the position, relative to the end if negative
   * @param min the first allowed position
   */
  static int positionOf(JsonValue position, int min, int[] tokens) {
    int given = position.integer(min - tokens.length, tokens.length - 1);
    int at = given < 0 ? given + tokens.length : given;
    if (at < min) {
      throw position.error("must be at least " + min);
    }
    return at;
  }

  /** Returns the first fields of all responses: the model and its input tokens. */
  static JsonObject head(ServedModel model, int[] tokens) {
    return new JsonObject()
        .with("model", model.id())
        .with("tokens", tokens)
        .with("pieces", model.tokenizer().pieces(tokens));
  }

  /** Rejects a request that exceeds a limit. */
  static void requireAtMost(String path, long count, String what, long limit) {
    if (count > limit) {
      throw ApiException.invalid(path, count + " " + what + " exceed the limit of " + limit);
    }
  }
}
