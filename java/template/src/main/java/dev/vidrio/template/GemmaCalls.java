package dev.vidrio.template;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.databind.json.JsonMapper;

/**
 * Converts tool calls in the format of Gemma 4, {@code call:name{key:value,…}}, to JSON. The
 * arguments are JSON with unquoted keys, and with strings between {@code <|"|>} tokens that escape
 * nothing.
 */
final class GemmaCalls {
  private static final Pattern CALL = Pattern.compile("\\s*call:([^{]*)(\\{.*)", Pattern.DOTALL);

  private static final String WORD =
      "true|false|null|-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?";

  private static final String QUOTE = "<\\|\"\\|>";

  /** Punctuation, or a word before punctuation, as in JSON; or a string; or an unquoted key. */
  private static final Pattern TOKEN =
      Pattern.compile(
          "\\s*(?:([{}\\[\\]:,]|(?:%1$s)(?=\\s*[,}\\]]))|%2$s(.*?)%2$s|(?!%2$s)([^:]+?)(?=\\s*:))\\s*"
              .formatted(WORD, QUOTE),
          Pattern.DOTALL);

  private GemmaCalls() {}

  /** Returns a tool call as a JSON object, or malformed JSON for other text. */
  static String toJson(String text) {
    Matcher call = CALL.matcher(text);
    if (!call.matches() || call.group(1).isBlank()) {
      return "";
    }
    StringBuilder arguments = new StringBuilder();
    Matcher token = TOKEN.matcher(call.group(2));
    while (token.lookingAt()) {
      String string = token.group(2) == null ? token.group(3) : token.group(2);
      arguments.append(string == null ? token.group(1) : quoted(string));
      token.region(token.end(), token.regionEnd());
    }
    boolean complete = token.regionStart() == token.regionEnd();
    String name = quoted(call.group(1).strip());
    return complete ? "{\"name\":" + name + ",\"arguments\":" + arguments + "}" : "";
  }

  private static String quoted(String string) {
    return JsonMapper.shared().writeValueAsString(string);
  }
}
