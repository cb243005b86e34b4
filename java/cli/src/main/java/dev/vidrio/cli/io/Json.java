package dev.vidrio.cli.io;

import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.formats.file.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectWriter;
import tools.jackson.databind.json.JsonMapper;

/** Reads and writes JSON made of maps, lists, strings and numbers. */
public final class Json {
  private Json() {}

  /** Prints a value, with a line per key. */
  public static void print(Object value) {
    ObjectWriter writer = JsonMapper.shared().writerWithDefaultPrettyPrinter();
    System.out.println(writer.writeValueAsString(value));
  }

  /** Prints a value on one line. */
  public static void printCompact(Object value) {
    System.out.println(JsonMapper.shared().writeValueAsString(value));
  }

  /** Returns a number, or null for NaN and infinities, which JSON cannot represent. */
  public static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  /** Writes a value to a file atomically. */
  public static void write(Path file, Object value) throws IOException {
    AtomicFile.write(file, JsonMapper.shared().writeValueAsBytes(value));
  }

  /** Reads a JSON array of token ids. */
  public static int[] readIds(Path file) {
    List<JsonNode> elements = readArray(file);
    var ids = new int[elements.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode element = elements.get(i);
      if (!element.isIntegralNumber() || !element.canConvertToInt()) {
        throw new CommandException(
            file + ": element " + i + " " + element + ": must be a token id");
      }
      ids[i] = element.intValue();
    }
    return ids;
  }

  /** Reads a JSON array of arrays with {@code length} strings each. */
  public static List<List<String>> readStringLists(Path file, int length) {
    return readArray(file).stream()
        .map(
            element -> {
              if (!element.isArray()
                  || element.size() != length
                  || !element.valueStream().allMatch(JsonNode::isString)) {
                throw new CommandException(
                    file + ": element " + element + ": must be an array of " + length + " strings");
              }
              return element.valueStream().map(JsonNode::stringValue).toList();
            })
        .toList();
  }

  /** Reads a JSON array of strings. */
  public static List<String> readStrings(Path file) {
    return readArray(file).stream()
        .map(
            element -> {
              if (!element.isString()) {
                throw new CommandException(file + ": element " + element + ": must be a string");
              }
              return element.stringValue();
            })
        .toList();
  }

  /** Reads a JSON array. */
  public static List<JsonNode> readArray(Path file) {
    try {
      JsonNode node = JsonMapper.shared().readTree(InputOutput.read(file));
      if (!node.isArray()) {
        throw new CommandException(file + ": must be a JSON array");
      }
      return node.valueStream().toList();
    } catch (JacksonException e) {
      throw new CommandException(file + ": invalid JSON: " + JsonFile.reason(e), e);
    }
  }
}
