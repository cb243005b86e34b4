package dev.vidrio.server.lens;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.ChatMessages;
import dev.vidrio.server.prompt.TokenIds;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** The tokens that a question about a model's inside is about. */
final class LensText {
  /** Tokens that a run may have. */
  static final int MAX_TOKENS = 1024;

  /** Makes tokens for a model. */
  @FunctionalInterface
  interface Source {
    int[] encode(ServedModel model);
  }

  private final String path;
  private final Source source;
  private final @Nullable TokenIds answer;

  /**
   * @param path of the field, for errors
   * @param source a text, token ids, or a conversation up to where the answer begins
   * @param answer tokens after those; null for none
   */
  private LensText(String path, Source source, @Nullable TokenIds answer) {
    this.path = path;
    this.source = source;
    this.answer = answer;
  }

  /** Where it stands in the request. */
  String path() {
    return path;
  }

  /** Reads {@code prompt}, {@code tokens} or {@code messages}, and {@code answer}. */
  static LensText read(Fields fields) {
    List<LensText> given = new ArrayList<>();
    Value answer = fields.value("answer");
    TokenIds after = answer == null ? null : TokenIds.read(answer);
    for (String name : List.of("prompt", "tokens", "messages")) {
      Value value = fields.value(name);
      if (value != null) {
        given.add(new LensText(name, source(name, value), after));
      }
    }
    if (given.size() != 1) {
      throw ApiException.invalid(
          "prompt", "prompt: one of prompt, tokens and messages is required, and no other");
    }
    return given.getFirst();
  }

  private static Source source(String name, Value value) {
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

  private static Source textSource(String text) {
    return model -> model.tokenizer().encode(text);
  }

  private static Source idSource(Value value) {
    TokenIds ids = TokenIds.read(value);
    return model -> ids.of(model.tokenizer());
  }

  /** Reads a text or token ids. */
  static LensText plain(Value value) {
    Source source = value.isString() ? textSource(value.string()) : idSource(value);
    return new LensText(value.path(), source, null);
  }

  /** A token: its id, or a text that is one token. */
  static Source token(Value value) {
    if (value.isInteger()) {
      return model -> new int[] {value.integer(0, model.tokenizer().vocabularySize() - 1)};
    }
    String text = value.string();
    return model -> {
      int[] ids = model.tokenizer().encode(text, new EncodeOptions(true, false));
      if (ids.length != 1) {
        throw value.error("must be one token, but is " + ids.length);
      }
      return ids;
    };
  }

  /**
   * The tokens.
   *
   * @throws ApiException 400 when there are none or too many, or the model does not know one
   */
  int[] tokens(ServedModel model) {
    int[] before = source.encode(model);
    int[] after = answer == null ? new int[0] : answer.of(model.tokenizer());
    int count = Math.addExact(before.length, after.length);
    int most = Math.min(MAX_TOKENS, model.model().architecture().contextLength());
    if (count < 1 || count > most) {
      throw ApiException.invalid(path, path + " of " + count + " tokens: must have 1 to " + most);
    }
    int[] tokens = Arrays.copyOf(before, count);
    System.arraycopy(after, 0, tokens, before.length, after.length);
    return tokens;
  }

  /**
   * A position of a text.
   *
   * @param position from its end where it is negative
   * @param least the first that is allowed
   */
  static int positionOf(Value position, int least, int[] tokens) {
    int given = position.integer(least - tokens.length, tokens.length - 1);
    int at = given < 0 ? given + tokens.length : given;
    if (at < least) {
      throw position.error("must be " + least + " or more");
    }
    return at;
  }

  /** What all answers begin with: the model, and the tokens that ran. */
  static Map<String, Object> head(ServedModel model, int[] tokens) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("model", model.id());
    json.put("tokens", tokens);
    json.put("pieces", pieces(model.tokenizer(), tokens));
    return json;
  }

  private static List<String> pieces(Tokenizer tokenizer, int[] tokens) {
    return IntStream.of(tokens).mapToObj(tokenizer::piece).toList();
  }

  /** Checks the size of what is asked for. */
  static void requireAtMost(String path, long count, String what, long limit) {
    if (count > limit) {
      throw ApiException.invalid(
          path,
          path + ": asks for " + count + " " + what + ", of which " + limit + " are the most");
    }
  }
}
