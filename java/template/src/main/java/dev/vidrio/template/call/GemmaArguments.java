package dev.vidrio.template.call;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

/**
 * Converts arguments in the format of Gemma 4, {@code {key:value,…}}, to JSON. They are JSON with
 * unquoted keys, and with strings between {@code <|"|>} tokens that escape nothing.
 */
final class GemmaArguments {
  private static final String QUOTE = ToolCallFormat.GEMMA_QUOTE;

  private static final String WORD =
      "true|false|null|-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?";

  /** Punctuation, or a word before punctuation, as in JSON; or a string; or an unquoted key. */
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(?:([{}\\[\\]:,]|(?:%1$s)(?=\\s*[,}\\]])|\"(?:[^\"\\\\]|\\\\.)*\")|%2$s(.*?)%2$s|(?!%2$s)([^:]+?)(?=\\s*:))\\s*"
              .formatted(WORD, Pattern.quote(QUOTE)),
          Pattern.DOTALL);

  private GemmaArguments() {}

  /** Returns the arguments as a JSON object, or malformed JSON for other text. */
  static String toJson(String text) {
    StringBuilder arguments = new StringBuilder();
    Matcher token = TOKEN.matcher(text);
    while (token.lookingAt()) {
      String string = token.group(2) == null ? token.group(3) : token.group(2);
      arguments.append(string == null ? token.group(1) : quoted(string));
      token.region(token.end(), token.regionEnd());
    }
    return token.regionStart() == token.regionEnd() ? arguments.toString() : "";
  }

  private static String quoted(String string) {
    return JsonMapper.shared().writeValueAsString(string);
  }
}
