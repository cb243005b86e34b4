package dev.vidrio.lens.circuit;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.lens.circuit.ScrubHypothesis.Claim;
import dev.vidrio.lens.circuit.ScrubHypothesis.Input;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads hypotheses of causal scrubbing from JSON:
 *
 * <pre>{@code
 * {
 *   "logits": ["mover"],
 *   "claims": {
 *     "mover": {
 *       "components": ["L23.H3"],
 *       "positions": [-1],
 *       "depends_on": ["answer"],
 *       "inputs": {"v": ["name"]}
 *     },
 *     "name": {"components": ["embed", "L0.mlp"], "depends_on": ["answer"]}
 *   }
 * }
 * }</pre>
 *
 * <p>{@code positions} and {@code inputs} may be absent; a list of {@code inputs} belongs to all
 * inputs of the components.
 */
public final class ScrubHypothesisFile {
  private ScrubHypothesisFile() {}

  /**
   * Parses a file.
   *
   * @param name its name, for errors
   * @param text its content
   * @throws ModelFileException if it is not JSON of this form
   */
  public static ScrubHypothesis parse(String name, String text) {
    JsonNode root = JsonFile.parseObject(name, "", text.getBytes(StandardCharsets.UTF_8));
    var file = new Reader(name);
    file.requireFields("", root, Set.of("logits", "claims"));
    JsonNode claims = root.path("claims");
    file.require(claims.isObject(), "claims", "must be an object with a field for each claim");
    SequencedMap<String, Claim> found = new LinkedHashMap<>();
    claims
        .properties()
        .forEach(entry -> found.put(entry.getKey(), file.claim(entry.getKey(), entry.getValue())));
    return new ScrubHypothesis(file.texts("logits", root.path("logits")), found);
  }

  /** Reads the fields of a file. */
  private record Reader(String file) {
    void require(boolean holds, String field, String limit) {
      if (!holds) {
        throw new ModelFileException(file, field, "", limit);
      }
    }

    void requireFields(String field, JsonNode object, Set<String> known) {
      for (Map.Entry<String, JsonNode> entry : object.properties()) {
        require(
            known.contains(entry.getKey()),
            field + entry.getKey(),
            "unknown; fields are " + String.join(", ", known.stream().sorted().toList()));
      }
    }

    Claim claim(String name, JsonNode value) {
      String field = "claims." + name;
      require(value.isObject(), field, "must be an object");
      requireFields(field + ".", value, Set.of("components", "positions", "depends_on", "inputs"));
      JsonNode positions = value.path("positions");
      return new Claim(
          texts(field + ".components", value.path("components")),
          positions.isMissingNode() ? List.of() : integers(field + ".positions", positions),
          texts(field + ".depends_on", value.path("depends_on")),
          inputs(field + ".inputs", value.path("inputs")));
    }

    private @Nullable Map<Input, List<String>> inputs(String field, JsonNode value) {
      if (value.isMissingNode()) {
        return null;
      }
      if (value.isArray()) {
        return Map.of(Input.ALL, texts(field, value));
      }
      require(value.isObject(), field, "must be a list of claims, or lists by q, k, v or gate");
      Map<Input, List<String>> inputs = new EnumMap<>(Input.class);
      for (Map.Entry<String, JsonNode> entry : value.properties()) {
        String own = field + "." + entry.getKey();
        Input input =
            Arrays.stream(Input.values())
                .filter(one -> one != Input.ALL && one.label().equals(entry.getKey()))
                .findFirst()
                .orElseThrow(
                    () ->
                        new ModelFileException(file, own, "", "unknown; must be q, k, v or gate"));
        inputs.put(input, texts(own, entry.getValue()));
      }
      return inputs;
    }

    List<String> texts(String field, JsonNode value) {
      require(
          value.isArray() && value.valueStream().allMatch(JsonNode::isString),
          field,
          "must be a list of texts");
      return value.valueStream().map(JsonNode::stringValue).toList();
    }

    private List<Integer> integers(String field, JsonNode value) {
      require(
          value.isArray() && value.valueStream().allMatch(JsonNode::canConvertToInt),
          field,
          "must be a list of integers");
      List<Integer> numbers = new ArrayList<>();
      value.valueStream().forEach(number -> numbers.add(number.intValue()));
      return numbers;
    }
  }
}
