package dev.vidrio.template.call;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Converts arguments in the format of Gemma 4, {@code {key:value,…}}, to JSON. They are JSON with
 * unquoted keys, and with strings between {@code <|"|>} tokens that escape nothing.
 */
final class GemmaArguments {
  private static final String QUOTE = ToolCallFormat.GEMMA_QUOTE;

  /** A word before punctuation, as in JSON. */
  private static final Pattern WORD =
      Pattern.compile("true|false|null|-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?");

  private final String text;
  private final StringBuilder json = new StringBuilder();
  private int at;

  private GemmaArguments(String text) {
    this.text = text;
  }

  /** Returns the arguments as a JSON object, or malformed JSON for other text. */
  static String toJson(String text) {
    var arguments = new GemmaArguments(text);
    while (arguments.skipSpace()) {
      if (!arguments.readToken()) {
        return "";
      }
    }
    return arguments.json.toString();
  }

  private boolean skipSpace() {
    at = afterSpace(at);
    return at < text.length();
  }

  private int afterSpace(int from) {
    int end = from;
    while (end < text.length() && " \t\n\u000b\f\r".indexOf(text.charAt(end)) >= 0) {
      end++;
    }
    return end;
  }

  /** Reads punctuation, a string in quotes of Gemma or JSON, a word, or a key without quotes. */
  private boolean readToken() {
    char c = text.charAt(at);
    if ("{}[]:,".indexOf(c) >= 0) {
      return copyTo(at + 1);
    }
    if (text.startsWith(QUOTE, at)) {
      int begin = at + QUOTE.length();
      int end = text.indexOf(QUOTE, begin);
      return end >= 0 && quote(begin, end, end + QUOTE.length());
    }
    int end = c == '"' ? stringEnd() : wordEnd();
    if (end >= 0) {
      return copyTo(end);
    }
    int colon = text.indexOf(':', at + 1);
    return colon >= 0 && quote(at, keyEnd(colon), colon);
  }

  private boolean copyTo(int end) {
    json.append(text, at, end);
    at = end;
    return true;
  }

  private boolean quote(int begin, int end, int next) {
    json.append(ReadCall.quoted(text.substring(begin, end)));
    at = next;
    return true;
  }

  /** Returns the end of the JSON string that begins here, or -1. */
  private int stringEnd() {
    for (int i = at + 1; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"') {
        return i + 1;
      }
      i += c == '\\' ? 1 : 0;
    }
    return -1;
  }

  /** Returns the end of the word that begins here and precedes punctuation, or -1. */
  private int wordEnd() {
    Matcher word = WORD.matcher(text).region(at, text.length());
    if (!word.lookingAt()) {
      return -1;
    }
    int next = afterSpace(word.end());
    return next < text.length() && ",}]".indexOf(text.charAt(next)) >= 0 ? word.end() : -1;
  }

  /** Returns the end of a key without the white space before its colon. */
  private int keyEnd(int colon) {
    int end = colon;
    while (end > at + 1 && afterSpace(end - 1) > end - 1) {
      end--;
    }
    return end;
  }
}
