package dev.vidrio.lens.dataset;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.lens.MetricSpec;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Reads and writes data sets of pairs of texts, one on each line, as tab-separated values or as
 * JSON Lines:
 *
 * <pre>
 * clean TAB corrupted TAB answer TAB wrong
 * {"clean": "…", "corrupted": "…", "answer": " his", "wrong": [" her", " its"]}
 * </pre>
 *
 * <p>An answer is as {@link MetricSpec} describes; in JSON, a set may be an array. A metric that
 * reads no wrong answers, or no answers, needs none. Further fields of JSON are properties of the
 * clean text, such as its template, on which hypotheses of causal scrubbing may depend.
 *
 * @see "docs/lens/datasets.md"
 */
public final class PairFile {
  /** The fields of JSON that are not properties. */
  private static final List<String> FIELDS = List.of("clean", "corrupted", "answer", "wrong");

  private PairFile() {}

  /**
   * Parses a file.
   *
   * @param name its name, for errors; JSON Lines if it ends with {@code .jsonl}, tab-separated
   *     values if it ends with {@code .tsv}; else as the text begins
   * @param text its content
   * @param metric what the pairs are measured by
   * @throws ModelFileException if there is no pair, or a line does not have the fields that the
   *     metric needs
   */
  public static List<PairText> parse(String name, String text, MetricSpec metric) {
    List<String> lines = text.lines().toList();
    boolean json = isJson(name, text);
    List<PairText> pairs = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String field = "line " + (i + 1);
      pairs.add(
          json ? ofJson(name, field, lines.get(i)) : ofTabs(name, field, lines.get(i), metric));
    }
    if (pairs.isEmpty()) {
      throw new ModelFileException(name, "", "", "must have one or more pairs of texts");
    }
    return pairs;
  }

  private static boolean isJson(String name, String text) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".jsonl") || (!lower.endsWith(".tsv") && text.startsWith("{\""));
  }

  private static PairText ofTabs(String name, String field, String line, MetricSpec metric) {
    String[] values = line.split("\t", -1);
    int least = metric.needsWrong() ? 4 : metric.needsAnswers() ? 3 : 2;
    if (values.length < least || values.length > 4) {
      String tokens =
          metric.needsWrong() ? " and two tokens" : metric.needsAnswers() ? " and a token" : "";
      throw new ModelFileException(
          name, field, "", "must be two texts" + tokens + ", separated by tab characters");
    }
    return new PairText(values[0], values[1], optional(values, 2), optional(values, 3));
  }

  private static List<String> optional(String[] values, int index) {
    return values.length <= index || values[index].isEmpty() ? List.of() : List.of(values[index]);
  }

  private static PairText ofJson(String name, String field, String line) {
    JsonNode object = JsonFile.parseObject(name, field, line.getBytes(StandardCharsets.UTF_8));
    return new PairText(
        text(name, field, object, "clean", true),
        text(name, field, object, "corrupted", false),
        texts(name, field, object, "answer"),
        texts(name, field, object, "wrong"),
        properties(object));
  }

  private static Map<String, String> properties(JsonNode object) {
    Map<String, String> properties = new LinkedHashMap<>();
    object
        .properties()
        .forEach(
            entry -> {
              JsonNode value = entry.getValue();
              if (!FIELDS.contains(entry.getKey())) {
                properties.put(
                    entry.getKey(), value.isString() ? value.stringValue() : value.toString());
              }
            });
    return properties;
  }

  private static String text(
      String name, String field, JsonNode object, String key, boolean required) {
    JsonNode value = object.get(key);
    if (value == null && !required) {
      return "";
    }
    if (value == null || !value.isString()) {
      throw new ModelFileException(name, field, "", "\"" + key + "\" must be a text");
    }
    return value.stringValue();
  }

  private static List<String> texts(String name, String field, JsonNode object, String key) {
    JsonNode value = object.get(key);
    if (value == null) {
      return List.of();
    }
    List<JsonNode> all = value.isArray() ? value.valueStream().toList() : List.of(value);
    if (all.stream().anyMatch(one -> !one.isString())) {
      throw new ModelFileException(
          name, field, "", "\"" + key + "\" must be a text or an array of texts");
    }
    return all.stream().map(JsonNode::stringValue).toList();
  }

  /**
   * Returns pairs as tab-separated values, with sets separated by commas and without further
   * properties.
   *
   * @throws IllegalArgumentException if a text contains a tab character or a line break
   */
  public static String toTabs(List<PairText> pairs) {
    StringBuilder lines = new StringBuilder();
    for (PairText pair : pairs) {
      List<String> values =
          List.of(
              pair.clean(),
              pair.corrupted(),
              String.join(",", pair.answers()),
              String.join(",", pair.wrong()));
      if (values.stream().anyMatch(value -> value.matches("(?s).*[\t\r\n].*"))) {
        throw new IllegalArgumentException("tab-separated texts have no tabs and line breaks");
      }
      lines.append(String.join("\t", values)).append('\n');
    }
    return lines.toString();
  }

  /** Returns pairs as JSON Lines. */
  public static String toJsonLines(List<PairText> pairs) {
    return pairs.stream()
        .map(pair -> JsonMapper.shared().writeValueAsString(fields(pair)) + "\n")
        .collect(Collectors.joining());
  }

  /** Returns the fields of a pair in JSON. */
  public static Map<String, Object> fields(PairText pair) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("clean", pair.clean());
    fields.put("corrupted", pair.corrupted());
    fields.put("answer", oneOrAll(pair.answers()));
    fields.put("wrong", oneOrAll(pair.wrong()));
    fields.putAll(pair.properties());
    return fields;
  }

  private static Object oneOrAll(List<String> texts) {
    return texts.size() == 1 ? texts.getFirst() : texts;
  }
}
