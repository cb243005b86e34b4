package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A {@code tokenizer.json}, with access to its steps and errors for unsupported parts.
 *
 * @param file the name of the file, for errors
 * @param root the content
 */
record TokenizerJson(String file, JsonNode root) {

  /** The keys under which a {@code Sequence} has its parts. */
  private static final List<String> PARTS =
      List.of("normalizers", "pretokenizers", "processors", "decoders");

  private static final JsonMapper MAPPER = new JsonMapper();
  private static final int MAX_STEPS = 50;
  private static final int MAX_TEXT = 1000;

  /**
   * Parses serialized pipeline stages.
   *
   * @throws ModelFileException if they are not JSON
   */
  static TokenizerJson parse(String file, String stages) {
    try {
      return new TokenizerJson(file, MAPPER.readTree(stages));
    } catch (JacksonException e) {
      throw new ModelFileException(
          file,
          "key '" + TokenModel.Pipeline.STAGES + "'",
          "",
          "must be JSON: " + e.getMessage(),
          e);
    }
  }

  /**
   * Returns the steps of a pipeline stage with nested sequences flattened; empty if the stage is
   * absent.
   */
  List<JsonNode> steps(String stage) {
    List<JsonNode> steps = new ArrayList<>();
    addSteps(root.path(stage), steps);
    return steps;
  }

  private void addSteps(JsonNode node, List<JsonNode> steps) {
    if (steps.size() > MAX_STEPS) {
      throw unsupported("a stage of more than " + MAX_STEPS + " steps", "fewer");
    }
    if (node.isMissingNode() || node.isNull()) {
      return;
    }
    if (!type(node).equals("Sequence")) {
      steps.add(node);
      return;
    }
    for (String key : PARTS) {
      node.path(key).forEach(part -> addSteps(part, steps));
    }
  }

  /** Compiles the {@code pattern} of a step, a literal or a regular expression. */
  RegexSearch pattern(JsonNode step) {
    JsonNode regex = step.path("pattern").path("Regex");
    try {
      return regex.isString()
          ? new RegexSearch(regex.stringValue())
          : RegexSearch.literal(literal(step));
    } catch (IllegalArgumentException e) {
      String what = regex.isString() ? regex.stringValue() : literal(step);
      throw unsupported(
          type(step) + " by the pattern '" + what + "', which " + e.getMessage(),
          "regular expressions with at most one character of lookahead and no lookbehind");
    }
  }

  /**
   * Returns the text that a step inserts; long texts are rejected, since they could blow up the
   * input.
   */
  String shortText(JsonNode step, String key) {
    String text = step.path(key).asString("");
    if (text.length() > MAX_TEXT) {
      throw unsupported(
          type(step) + " with " + text.length() + " characters of " + key, "up to " + MAX_TEXT);
    }
    return text;
  }

  /** Returns the type of a step. */
  static String type(JsonNode node) {
    return node.path("type").asString("");
  }

  /** Returns the literal of a {@code pattern}, or an empty string if it is a regular expression. */
  static String literal(JsonNode node) {
    return node.path("pattern").path("String").asString("");
  }

  /** Creates the error for an unsupported feature. */
  UnsupportedModelException unsupported(String feature, String alternative) {
    return new UnsupportedModelException(file, feature, "supported: " + alternative);
  }

  /** Creates the error for an unsupported step of a stage. */
  UnsupportedModelException unsupported(String stage, JsonNode step, String alternative) {
    return unsupported(stage + " '" + type(step) + "'", alternative);
  }
}
