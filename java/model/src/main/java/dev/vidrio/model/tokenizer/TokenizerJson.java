package dev.vidrio.model.tokenizer;

import dev.vidrio.model.UnsupportedModelException;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * A {@code tokenizer.json} and how its parts are found and refused.
 *
 * @param file the name of the file, for errors
 * @param root what it holds
 */
record TokenizerJson(String file, JsonNode root) {

  /** The keys under which a {@code Sequence} keeps its parts. */
  private static final List<String> PARTS =
      List.of("normalizers", "pretokenizers", "processors", "decoders");

  /** Returns the steps of a stage of the pipeline, sequences laid flat; none if it is absent. */
  List<JsonNode> steps(String stage) {
    List<JsonNode> steps = new ArrayList<>();
    addSteps(root.path(stage), steps);
    return steps;
  }

  private static void addSteps(JsonNode node, List<JsonNode> steps) {
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

  static String type(JsonNode node) {
    return node.path("type").asString("");
  }

  /** Returns the literal text of a {@code pattern}, or nothing where it is an expression. */
  static String literal(JsonNode node) {
    return node.path("pattern").path("String").asString("");
  }

  UnsupportedModelException unsupported(String feature, String alternative) {
    return new UnsupportedModelException(file, feature, "supported is " + alternative);
  }

  /** Makes the error that says that a step of a stage is not supported. */
  UnsupportedModelException unsupported(String stage, JsonNode step, String alternative) {
    return unsupported(stage + " '" + type(step) + "'", alternative);
  }
}
