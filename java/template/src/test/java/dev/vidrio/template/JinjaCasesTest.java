package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.ModelException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The cases of llama.cpp's test of its template engine, which {@code
 * bench/conformance/llama_cases.py} extracts. Runs if the property {@code vidrio.jinja.cases} is
 * set.
 */
class JinjaCasesTest {
  private static final String IMMUTABLE = "lists are immutable, as in transformers' sandbox";
  private static final String IDENTITY = "the identity of lists and dicts is refused by name";
  private static final String TUPLE = "a tuple as the key of a dict is refused by name";

  /** Names of cases that disagree, with the reasons. */
  private static final Map<String, String> KNOWN =
      Map.of(
          "array.append()", IMMUTABLE,
          "array.pop() last", IMMUTABLE,
          "array.pop() with index", IMMUTABLE,
          "is sameas object", IDENTITY,
          "is sameas ref object", IDENTITY,
          "print dict with mixed type keys", TUPLE,
          "set dict with mixed type keys", TUPLE);

  @Test
  void agreesExceptWhereListed() {
    String file = System.getProperty("vidrio.jinja.cases");
    assumeTrue(file != null);
    Map<String, String> different = new TreeMap<>();
    JsonNode cases = JsonMapper.shared().readTree(Path.of(file).toFile());
    for (JsonNode each : cases) {
      String expected = each.path("expected").stringValue();
      String rendered = render(each);
      if (!expected.equals(rendered)) {
        different.put(
            each.path("name").stringValue(),
            "%s: expected %s, rendered %s"
                .formatted(each.path("template"), each.path("expected"), rendered));
      }
    }
    System.out.printf(
        "jinja: %d of %d cases agree%n", cases.size() - different.size(), cases.size());
    KNOWN.forEach((name, reason) -> System.out.println("jinja differs: " + name + " — " + reason));
    assertEquals(KNOWN.keySet(), different.keySet(), different::toString);
  }

  private static String render(JsonNode each) {
    Map<String, @Nullable Object> variables =
        JsonMapper.shared().convertValue(each.path("variables"), new TypeReference<>() {});
    try {
      ChatTemplate template = ChatTemplate.parse("case", each.path("template").stringValue());
      var options = ChatOptions.builder();
      variables.forEach(
          (name, value) -> {
            if (template.variables().contains(name)) {
              options.variable(name, value);
            }
          });
      return template.render(List.of(), options.build());
    } catch (ModelException e) {
      return e.toString();
    } catch (RuntimeException e) {
      return e.toString();
    }
  }
}
