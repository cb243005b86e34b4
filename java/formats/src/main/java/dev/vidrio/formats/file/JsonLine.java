package dev.vidrio.formats.file;

import dev.vidrio.error.ModelFileException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/** Lines of JSON Lines files: records with component names in snake case. */
public final class JsonLine {
  private static final JsonMapper MAPPER =
      JsonMapper.builder().propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE).build();

  private JsonLine() {}

  /** Returns a record in JSON, without a line end. */
  public static String json(Object value) {
    return MAPPER.writeValueAsString(value);
  }

  /** Returns the line of a record, with its end. */
  public static byte[] write(Object value) {
    return (json(value) + "\n").getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads a line.
   *
   * @param number of the line, from 1
   * @param line without its end
   * @param what the file is, for errors, such as {@code "an index"}
   * @throws ModelFileException if the line is not a record of the type
   */
  public static <T> T read(Path file, int number, byte[] line, Class<T> type, String what) {
    try {
      T value = MAPPER.readValue(line, type);
      if (value != null) {
        return value;
      }
      throw new ModelFileException(file.toString(), "line " + number, "null", "must be an object");
    } catch (JacksonException e) {
      throw new ModelFileException(
          file.toString(),
          "line " + number,
          "",
          "is not of " + what + ": " + JsonFile.reason(e),
          e);
    }
  }
}
