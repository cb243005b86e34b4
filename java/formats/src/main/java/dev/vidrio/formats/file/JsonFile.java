package dev.vidrio.formats.file;

import dev.vidrio.error.ModelFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.json.JsonReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads JSON of strangers: limited depth and size, no key twice, nothing behind its end. */
public final class JsonFile {

  private static final int MAX_DEPTH = 64;

  /** Python writes infinities as they are no JSON. */
  private static final JsonMapper MAPPER =
      StrictJson.mapper(MAX_DEPTH).enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private JsonFile() {}

  /**
   * Reads a file that holds a JSON object.
   *
   * @param maxBytes refuses longer files
   * @throws ModelFileException if it cannot be read, is too long or holds something else
   */
  public static JsonNode readObject(Path file, long maxBytes) {
    String name = file.toString();
    try {
      if (!Files.isRegularFile(file)) {
        String what = Files.exists(file) ? "is not a regular file" : "no such file";
        throw new ModelFileException(name, "", "", what);
      }
      long size = Files.size(file);
      if (size > maxBytes) {
        String limit = "must be at most " + maxBytes;
        throw new ModelFileException(name, "size", Long.toString(size), limit);
      }
      return parseObject(name, "", Files.readAllBytes(file));
    } catch (IOException e) {
      throw new ModelFileException(name, "", "", MappedFile.reason(e), e);
    }
  }

  /**
   * Parses a JSON object.
   *
   * @param file what errors call the file
   * @param field what errors call the part of the file; may be empty
   * @throws ModelFileException if it is something else
   */
  public static JsonNode parseObject(String file, String field, byte[] utf8) {
    try {
      JsonNode node = MAPPER.readTree(utf8);
      if (!node.isObject()) {
        throw new ModelFileException(file, field, "", "must hold a JSON object");
      }
      return node;
    } catch (JacksonException e) {
      throw new ModelFileException(file, field, "", "is no JSON: " + reason(e), e);
    }
  }

  /**
   * What is wrong with a text, and where, without what the library's own words add: sources that
   * are none, and settings that nobody who wrote the text could change.
   */
  public static String reason(JacksonException e) {
    String first = String.valueOf(e.getOriginalMessage()).lines().findFirst().orElse("");
    String what =
        first
            .replaceFirst(" \\(start marker at .*", "")
            .replaceFirst("^Trailing token .*", "Something follows its end")
            .replaceFirst(", from `[^`]*`", "")
            .replaceFirst(": enable `[^`]*` to allow", "")
            .replaceFirst(" \\(not recognized as one since Feature [^)]*\\)", "");
    return e.getLocation() == null
        ? what
        : what
            + " (line "
            + e.getLocation().getLineNr()
            + ", column "
            + e.getLocation().getColumnNr()
            + ")";
  }
}
