package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.error.InvalidInputException;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The cases of llama.cpp's tests of grammars and schemas, which {@code
 * bench/conformance/llama_cases.py} extracts: which compile, and which texts match. Runs if the
 * property {@code vidrio.grammar.cases} is set.
 */
class GrammarCasesTest {
  private static final String PREFIX = "prefixItems must be an array, as in the specification";
  private static final String ORDER = "properties may come in any order, which is valid";

  /** Cases and texts that disagree, with the reasons. */
  private static final Map<String, String> KNOWN =
      Map.of(
          "array with empty items and prefixItems: compiles: true",
          PREFIX,
          "nullable string array: compiles: true",
          PREFIX,
          "string array: compiles: true",
          PREFIX,
          "object properties, additionalProperties: true: rejects \"{ \\\"street_name\\\":"
              + " \\\"Pennsylvania\\\", \\\"number\\\": 1600,"
              + " \\\"street_type\\\":\\\"Avenue\\\"}\"",
          ORDER,
          "object properties: rejects \"{ \\\"street_name\\\": \\\"Pennsylvania\\\","
              + " \\\"number\\\": 1600 }\"",
          ORDER,
          "required + optional props each in original order: rejects \"{ \\\"street_type\\\":"
              + " \\\"Avenue\\\", \\\"number\\\": 1600 }\"",
          ORDER,
          "parser: compiles: false",
          "5000 repetitions are within the limit of 10 000",
          "parser: compiles: true",
          "token references are refused by name",
          "required props: compiles: true",
          "uniqueItems of strings is refused by name",
          "unsupported regexp in a property: compiles: true",
          "lookahead is refused by name");

  private final Map<String, String> different = new TreeMap<>();
  private int checks;

  @Test
  void agreesExceptWhereListed() {
    String file = System.getProperty("vidrio.grammar.cases");
    assumeTrue(file != null);
    for (JsonNode each : JsonMapper.shared().readTree(Path.of(file).toFile())) {
      String name = each.path("name").stringValue();
      String kind = each.path("kind").stringValue();
      boolean bad = kind.startsWith("bad");
      Grammar grammar = compile(kind, each.path("source").stringValue());
      check(bad == (grammar == null), name, "compiles: " + !bad, each.path("source").toString());
      if (grammar != null) {
        for (JsonNode text : each.path("valid")) {
          check(grammar.matches(text.stringValue()), name, "matches " + text, "");
        }
        for (JsonNode text : each.path("invalid")) {
          check(!grammar.matches(text.stringValue()), name, "rejects " + text, "");
        }
      }
    }
    System.out.printf("grammars: %d of %d checks agree%n", checks - different.size(), checks);
    KNOWN.forEach(
        (name, reason) -> System.out.println("grammars differs: " + name + " — " + reason));
    assertEquals(KNOWN.keySet(), different.keySet(), different::toString);
  }

  private static @Nullable Grammar compile(String kind, String source) {
    try {
      return kind.endsWith("grammar") ? Grammar.ebnf(source) : Grammar.jsonSchema(source);
    } catch (InvalidInputException e) {
      return null;
    }
  }

  private void check(boolean agrees, String name, String check, String detail) {
    checks++;
    if (!agrees) {
      different.put(name + ": " + check, detail);
    }
  }
}
