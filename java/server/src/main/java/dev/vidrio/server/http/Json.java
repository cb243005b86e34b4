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

/** JSON of strangers, read strictly, and our own. */
public final class Json {
  /** Levels of objects and arrays; tools' schemas are the deepest that requests have. */
  static final int MAX_DEPTH = 64;

  /** Digits of a number, which no sensible one reaches. */
  static final int MAX_DIGITS = 100;

  private static final JsonMapper STRICT =
      StrictJson.mapper(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_DIGITS)
                  .maxNameLength(1 << 16)
                  .maxStringLength(Integer.MAX_VALUE) // the body's limit is the limit
                  .build())
          .build();

  private Json() {}

  /**
   * Reads a text that holds one value and nothing else.
   *
   * @throws JacksonException when it is no JSON, names a key twice, or is beyond a limit
   */
  public static JsonNode read(String text) {
    return STRICT.readTree(text);
  }

  /** Reads a request's body. */
  static JsonNode readBody(byte[] body) {
    if (body.length == 0) {
      throw ApiException.malformed("body: is empty, and must be a JSON object");
    }
    try {
      return read(utf8(body));
    } catch (JacksonException e) {
      throw ApiException.malformed("body: is no JSON that is taken here: " + JsonFile.reason(e));
    }
  }

  private static String utf8(byte[] body) {
    ByteBuffer bytes = ByteBuffer.wrap(body);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      throw ApiException.malformed("body: is not UTF-8 at byte " + bytes.position());
    }
  }

  /** A value made of maps, lists, strings, numbers, booleans and nulls. */
  public static byte[] bytes(Object value) {
    return JsonMapper.shared().writeValueAsBytes(value);
  }

  /** The same as text. */
  public static String text(Object value) {
    return JsonMapper.shared().writeValueAsString(value);
  }
}
