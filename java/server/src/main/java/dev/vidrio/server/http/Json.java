package dev.vidrio.server.http;

import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.file.StrictJson;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads clients' JSON strictly and writes JSON. */
public final class Json {
  /** Maximum nesting depth. The schemas of tools are the deepest part of ordinary requests. */
  static final int MAX_DEPTH = 64;

  /** Maximum digits of a number. */
  static final int MAX_DIGITS = 100;

  private static final JsonMapper STRICT =
      StrictJson.mapper(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_DIGITS)
                  .maxNameLength(1 << 16)
                  .maxStringLength(Integer.MAX_VALUE) // limited by the size of the body
                  .build())
          .build();

  private Json() {}

  /**
   * Parses a single JSON value.
   *
   * @throws JacksonException if the text is not valid JSON, has a duplicate key, or exceeds a limit
   */
  public static JsonNode read(String text) {
    return STRICT.readTree(text);
  }

  /** Parses a request's body. */
  static JsonNode readBody(byte[] body) {
    if (body.length == 0) {
      throw ApiException.malformed("body: must be a JSON object, but is empty");
    }
    try {
      return read(utf8(body));
    } catch (JacksonException e) {
      throw ApiException.malformed("body: invalid JSON: " + JsonFile.reason(e));
    }
  }

  private static String utf8(byte[] body) {
    ByteBuffer bytes = ByteBuffer.wrap(body);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw ApiException.malformed("body: invalid UTF-8 at byte " + bytes.position());
    }
  }

  /** Returns a tree of maps, lists, strings, numbers, booleans and nulls as JSON in UTF-8. */
  public static byte[] bytes(Object value) {
    return JsonMapper.shared().writeValueAsBytes(value);
  }

  /** Returns such a tree as JSON. */
  public static String text(Object value) {
    return JsonMapper.shared().writeValueAsString(value);
  }

  /** Returns a text as a JSON string. An unpaired surrogate becomes U+FFFD. */
  public static String quoted(String text) {
    var json = new StringBuilder(text.length() + 16).append('"');
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
    return json.append('"').toString();
  }

  private static boolean isSurrogate(int codePoint) {
    return codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
  }
}
