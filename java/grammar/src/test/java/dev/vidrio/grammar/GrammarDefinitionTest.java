package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.call.ToolCallFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

class GrammarDefinitionTest {
  private static final List<Map<String, @Nullable Object>> TOOLS =
      List.of(
          Map.of(
              "type",
              "function",
              "function",
              Map.of(
                  "name",
                  "add",
                  "parameters",
                  Map.of(
                      "type",
                      "object",
                      "properties",
                      Map.of("x", Map.of("type", "number", "minimum", 0.5))))));

  private static List<Grammar> grammars() {
    Grammar date = Grammar.regex("[0-9]{4}");
    Grammar schema = Grammar.jsonSchema("{\"type\": \"integer\"}");
    Grammar calls = Grammar.toolCalls(ToolCallFormat.HERMES, TOOLS, true);
    ReasoningMarkers think = ReasoningMarkers.of("<think></think>").orElseThrow();
    return List.of(
        date,
        schema,
        Grammar.json(),
        Grammar.ebnf("root ::= \"a\" | \"é\""),
        Grammar.choice(List.of("yes", "no")),
        calls,
        Grammar.toolCalls(ToolCallFormat.HARMONY, TOOLS, false),
        Grammar.answerWithCalls(ToolCallFormat.LLAMA, TOOLS, false),
        calls.or(schema),
        schema.afterReasoning(think, true),
        calls.or(schema).afterReasoning(think, false),
        date.afterReasoning(ReasoningMarkers.HARMONY, false));
  }

  private static Map<String, Object> tree(String json) {
    return JsonMapper.shared().readValue(json, new TypeReference<>() {});
  }

  /** The interner returns the same instance for equal grammars. */
  @Test
  void definitionsMakeTheGrammarsAgain() {
    for (Grammar grammar : grammars()) {
      String json = JsonMapper.shared().writeValueAsString(grammar.definition());
      assertEquals(1, grammar.definition().size(), json);
      assertSame(grammar, Grammar.of(tree(json)), json);
    }
  }

  @Test
  void definitionsDiffer() {
    List<Grammar> all = grammars();
    assertEquals(all.size(), all.stream().map(Grammar::definition).distinct().count());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{}| grammar []: must have one field",
        "{\"regex\":\"a\",\"ebnf\":\"b\"}| grammar [regex, ebnf]: must have one field",
        "{\"prose\":\"a\"}| grammar prose a: is not a known kind of grammar",
        "{\"regex\":1}| grammar regex 1: must be a text",
        "{\"regex\":null}| grammar regex null: must be a text",
        "{\"regex\":\"(\"}| regular expression",
        "{\"choice\":[1]}| grammar choice [1]: must be an array of texts",
        "{\"choice\":[]}| choices: must not be empty",
        "{\"tool_calls\":[]}| grammar tool_calls []: must be an object",
        "{\"tool_calls\":{\"format\":\"smoke\"}}| grammar format smoke: is not a known format",
        "{\"tool_calls\":{\"format\":\"hermes\",\"tools\":\"{}\"}}| grammar tools: must be an"
            + " array",
        "{\"tool_calls\":{\"format\":\"hermes\",\"tools\":\"[]\"}}| grammar several null: must be"
            + " true",
        "{\"either\":[{\"regex\":\"a\"}]}| grammar either [{regex=a}]: must be an array of two",
        "{\"either\":[1,2]}| grammar either 1: must be an object",
        "{\"after_reasoning\":{\"content\":{\"regex\":\"a\"}}}| grammar open null: must be a text",
      })
  void rejectsMalformedDefinitions(String json, String message) {
    String rejection =
        assertThrows(InvalidInputException.class, () -> Grammar.of(tree(json))).getMessage();
    assertTrue(rejection.startsWith(message), rejection);
  }

  @Test
  void rejectsDeepDefinitions() {
    Map<String, Object> deep = Map.of("regex", "a");
    for (int i = 0; i < 20; i++) {
      deep = Map.of("either", List.of(deep, Map.of("regex", "b")));
    }
    Map<String, Object> definition = deep;
    assertEquals(
        "grammar: must have at most 8 levels",
        assertThrows(InvalidInputException.class, () -> Grammar.of(definition)).getMessage());
  }
}
