package dev.vidrio.server.http;

import java.nio.charset.StandardCharsets;

/** A growing buffer of JSON, for the chunks that are sent for each token. */
public final class JsonBuffer {
  private final StringBuilder json = new StringBuilder(512);

  JsonBuffer clear() {
    json.setLength(0);
    return this;
  }

  /** Returns the contents in UTF-8. */
  byte[] toBytes() {
    return json.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** Returns the contents. */
  @Override
  public String toString() {
    return json.toString();
  }

  /** Appends text without quoting. */
  public JsonBuffer raw(String text) {
    json.append(text);
    return this;
  }

  /** Appends a quoted string. An unpaired surrogate becomes U+FFFD. */
  public JsonBuffer string(String text) {
    json.append('"');
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      switch (c) {
        case '"', '\\' -> json.append('\\').append((char) c);
        case '\n' -> json.append("\\n");
        case '\r' -> json.append("\\r");
        case '\t' -> json.append("\\t");
        default -> {
          if (c < 0x20 || c == 0x7f) {
            json.append(String.format("\\u%04x", c));
          } else {
            json.appendCodePoint(isSurrogate(c) ? 0xfffd : c);
          }
        }
      }
    }
    json.append('"');
    return this;
  }

  private static boolean isSurrogate(int codePoint) {
    return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
  }
}
