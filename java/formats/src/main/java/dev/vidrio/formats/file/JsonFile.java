package dev.vidrio.formats.file;

import dev.vidrio.error.ModelFileException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads untrusted JSON files: bounded depth and size, no duplicate keys, no trailing content. */
public final class JsonFile {

  private static final int MAX_DEPTH = 64;

  /** Accepts NaN and Infinity, which are not JSON, because Python writes them. */
  private static final JsonMapper MAPPER =
      StrictJson.mapper(MAX_DEPTH).enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private JsonFile() {}

  /**
   * Reads a file that contains a JSON object.
   *
   * @param maxBytes the largest file size accepted
   * @throws ModelFileException if the file cannot be read, is too long or contains something else
   */
  public static JsonNode readObject(Path file, long maxBytes) {
    return requireObject(file.toString(), "", read(file, maxBytes));
  }

  /**
   * Reads a file that contains a JSON array.
   *
   * @param maxBytes the largest file size accepted
   * @throws ModelFileException if the file cannot be read, is too long or contains something else
   */
  public static JsonNode readArray(Path file, long maxBytes) {
    JsonNode node = read(file, maxBytes);
    if (!node.isArray()) {
      throw new ModelFileException(file.toString(), "", "", "must hold a JSON array");
    }
    return node;
  }

  /**
   * Rejects a configuration that changed while the weights were read.
   *
   * @param before what was read before the weights
   * @param after what was read after them
   * @throws ModelFileException if they are not equal
   */
  public static void requireUnchanged(Path file, Object before, Object after) {
    if (!before.equals(after)) {
      throw new ModelFileException(
          file.toString(), "", "", "was replaced while the weights were read");
    }
  }

  private static JsonNode read(Path file, long maxBytes) {
    return parse(file.toString(), "", SmallFile.read(file, maxBytes));
  }

  /**
   * Parses a JSON object.
   *
   * @param file the name of the file in errors
   * @param field the name of the part of the file in errors; may be empty
   * @throws ModelFileException if the bytes are not a JSON object
   */
  public static JsonNode parseObject(String file, String field, byte[] utf8) {
    return requireObject(file, field, parse(file, field, utf8));
  }

  private static JsonNode requireObject(String file, String field, JsonNode node) {
    if (!node.isObject()) {
      throw new ModelFileException(file, field, "", "must hold a JSON object");
    }
    return node;
  }

  private static JsonNode parse(String file, String field, byte[] utf8) {
    try {
      return MAPPER.readTree(utf8);
    } catch (JacksonException e) {
      throw new ModelFileException(file, field, "", "invalid JSON: " + reason(e), e);
    }
  }

  /**
   * Returns the reason and position of a syntax error.
   *
   * <p>Removes details of Jackson's messages that are meaningless to the author of the JSON: source
   * descriptions and names of parser features.
   */
  public static String reason(JacksonException e) {
    String first = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
    String what =
        first
            .replaceFirst(" \\(start marker at .*", "")
            .replaceFirst("^Trailing token .*", "Unexpected content after the end")
            .replaceFirst(", from `[^`]*`", "")
            .replaceFirst(": enable `[^`]*` to allow", "")
            .replaceFirst(" \\(not recognized as one since Feature [^)]*\\)", "");
    var at = e.getLocation();
    return at == null
        ? what
        : "%s (line %s, column %s)".formatted(what, at.getLineNr(), at.getColumnNr());
  }
}
