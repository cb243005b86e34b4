package dev.vidrio.server.prompt;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A prompt: text, or token ids that are used as they are.
 *
 * @param path the path of the prompt in the request
 * @param text the text; null for token ids
 * @param source encodes the prompt
 */
public record Prompt(String path, @Nullable String text, Function<Tokenizer, int[]> source) {
  private static final int MAX_PARTS = 1024;

  /** A text after other parts has no BOS. */
  private static final EncodeOptions LATER = EncodeOptions.DEFAULT.withAddBosEos(false);

  /**
   * Returns the text.
   *
   * @param field the field that needs a text, for the error
   * @throws ApiException 400 if the prompt consists of token ids
   */
  public String requireText(String field) {
    if (text == null) {
      throw ApiException.unsupported(path, "must be a string with " + field + ", not token ids");
    }
    return text;
  }

  /**
   * Returns this prompt after another text.
   *
   * @param field the field of the other text, for the error
   * @throws ApiException 400 if the prompt consists of token ids
   */
  public Prompt after(String before, String field) {
    return of(path, before + requireText(field));
  }

  /**
   * Returns the tokens.
   *
   * @throws ApiException 400 if there are none, or an id is not in the vocabulary
   */
  public int[] encode(Tokenizer tokenizer) {
    int[] ids = source.apply(tokenizer);
    if (ids.length == 0) {
      throw ApiException.invalid(path, "must have at least one token");
    }
    return ids;
  }

  /**
   * Reads a text, an array of texts, an array of token ids, or an array of such arrays.
   *
   * @param max maximum number of prompts
   */
  public static List<Prompt> read(JsonValue value, int max) {
    if (value.isString()) {
      return List.of(one(value));
    }
    if (!value.isArray()) {
      throw value.error(
          "must be a string, or an array of strings, token ids or arrays of token ids");
    }
    if (value.elements(1, Integer.MAX_VALUE).getFirst().isInteger()) {
      return List.of(one(value));
    }
    return value.elements(1, max).stream().map(Prompt::one).toList();
  }

  private static Prompt one(JsonValue value) {
    if (value.isString()) {
      return of(value.path(), value.string());
    }
    if (!value.isArray()) {
      throw value.error("must be a string or an array of token ids");
    }
    return new Prompt(value.path(), null, TokenIds.read(value)::of);
  }

  /**
   * Reads prompts of {@link #read} or llama.cpp's forms: an array of token ids and texts, an object
   * with {@code prompt_string}, or one with {@code content}, the parts of a message. An array that
   * contains a token id is one prompt.
   *
   * @param max maximum number of prompts
   */
  public static List<Prompt> readMixed(JsonValue value, int max) {
    boolean several =
        value.isArray()
            && value.elements(1, Integer.MAX_VALUE).stream().noneMatch(JsonValue::isInteger);
    return several
        ? value.elements(1, max).stream().map(Prompt::oneMixed).toList()
        : List.of(oneMixed(value));
  }

  private static Prompt oneMixed(JsonValue value) {
    if (value.isArray()
        && value.elements(0, Integer.MAX_VALUE).stream().anyMatch(JsonValue::isString)) {
      return ofParts(value);
    }
    if (!value.isObject()) {
      return one(value);
    }
    JsonFields fields = value.fields();
    JsonValue content = fields.value("content");
    if (content != null && !content.isArray()) {
      throw content.error("must be an array of parts");
    }
    String text =
        content == null ? fields.required("prompt_string").string() : ChatMessages.text(content);
    fields.reject("multimodal_data", "not supported; only text input is");
    fields.end();
    return of(value.path(), text);
  }

  private static Prompt of(String path, String text) {
    return new Prompt(path, text, tokenizer -> tokenizer.encode(text));
  }

  /** Reads an array of token ids and texts. */
  private static Prompt ofParts(JsonValue value) {
    List<Function<Tokenizer, int[]>> sources = new ArrayList<>();
    for (JsonValue part : value.elements(0, MAX_PARTS)) {
      if (part.isString()) {
        String text = part.string();
        EncodeOptions options = sources.isEmpty() ? EncodeOptions.DEFAULT : LATER;
        sources.add(tokenizer -> tokenizer.encode(text, options));
      } else {
        sources.add(TokenIds.ofOne(part)::of);
      }
    }
    return new Prompt(
        value.path(),
        null,
        tokenizer ->
            sources.stream()
                .flatMapToInt(source -> IntStream.of(source.apply(tokenizer)))
                .toArray());
  }
}
