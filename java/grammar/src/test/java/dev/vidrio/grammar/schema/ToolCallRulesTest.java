package dev.vidrio.grammar.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.template.AnswerParser;
import dev.vidrio.template.ToolCall;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

class ToolCallRulesTest {
  /** Two tools whose definitions share a name with different meanings; one is recursive. */
  private static final List<Map<String, @Nullable Object>> TOOLS =
      List.of(
          tool("f", "{'properties':{'a':{'$ref':'#/$defs/n'}},'$defs':{'n':{'enum':[1]}}}"),
          tool("g", "{'properties':{'a':{'$ref':'#/$defs/n'}},'$defs':{'n':{'enum':[2]}}}"),
          tool("list", "{'type':'object','properties':{'next':{'$ref':'#'}}}"),
          Map.of("type", "function", "function", Map.of("name", "clock")));

  private static Map<String, @Nullable Object> tool(String name, String parameters) {
    return Map.of(
        "type", "function", "function", Map.of("name", name, "parameters", map(parameters)));
  }

  private static Map<String, @Nullable Object> map(String json) {
    return JsonMapper.shared().readValue(json.replace('\'', '"'), new TypeReference<>() {});
  }

  private static String call(String name, String arguments) {
    return ("{'name': '" + name + "', 'arguments': " + arguments + "}").replace('\'', '"');
  }

  @Test
  void constrainsArgumentsBySchema() {
    Grammar grammar = Grammar.toolCall(TOOLS);
    for (String call :
        List.of(
            call("f", "{'a': 1}"),
            call("g", "{'a': 2}"),
            call("list", "{'next': {'next': {}}}"),
            call("clock", "{}"))) {
      assertTrue(grammar.matches(call), call);
      assertTrue(grammar.matches("<tool_call>\n" + call + "\n</tool_call>"), call);
      assertEquals(1, AnswerParser.parse(call, call).toolCalls().size(), call);
    }
    for (String other :
        List.of(
            call("f", "{'a': 2}"),
            call("g", "{'a': 1}"),
            call("h", "{}"),
            call("list", "{'next': 1}"),
            call("clock", "1"),
            call("clock", "{'any': [0]}"),
            "{\"a\": 1}",
            "<tool_call>" + call("f", "{}"),
            "")) {
      assertFalse(grammar.matches(other), other);
    }
  }

  @Test
  void allowsCallOrResponseFormat() {
    Grammar form = Grammar.regex("ja|nein");
    Grammar both = Grammar.chatAnswer(TOOLS, false, form);
    Grammar call = Grammar.chatAnswer(TOOLS, true, form);
    for (String text : List.of("ja", "nein", call("g", "{'a': 2}"))) {
      assertTrue(both != null && both.matches(text), text);
      assertEquals(text.startsWith("{"), call != null && call.matches(text), text);
    }
    assertFalse(both != null && both.matches(call("g", "{'a': 1}")));
    assertEquals(both, Grammar.toolCall(TOOLS).or(Grammar.regex("ja|nein")));
    assertNull(Grammar.chatAnswer(TOOLS, false, null));
    assertNull(Grammar.chatAnswer(List.of(), false, null));
    assertEquals(form, Grammar.chatAnswer(List.of(), false, form));
  }

  @Test
  void allowsTextOrCalls() {
    Grammar grammar = Grammar.freeAnswer(TOOLS);
    String call = call("g", "{'a': 2}");
    String marked = "<tool_call>\n" + call + "\n</tool_call>";
    for (String text :
        List.of(
            "",
            " \u2003\n",
            "Glass… is \"arguments\" <b> a [solid].",
            "[1] says so",
            "{\"name\": \"Ann\"}",
            "[{\"type\": \"x\"}]",
            "\n{\"a\": {\"b\": 1}}",
            call,
            marked,
            "Let me look.\n" + marked,
            "<<tool" + marked + "\n" + marked)) {
      assertTrue(grammar.matches(text), text);
    }
    for (String text :
        List.of(
            call("g", "{'a': 1}"),
            marked.replace('2', '1'),
            "Let me look." + marked + marked.replace('2', '1'),
            "a <tool_call> is",
            "[TOOL_CALLS][" + call + "]",
            "<|python_tag|>" + call,
            "[" + call("h", "{}") + "]",
            "{\"name\": \"g\", \"\\u0061rguments\": {}}")) {
      assertFalse(grammar.matches(text), text);
    }
  }

  /** All texts of a few pieces: every call that {@link AnswerParser} finds is a valid one. */
  @Test
  void rejectsOtherCallsInText() {
    Grammar answer = Grammar.freeAnswer(TOOLS);
    Grammar call = Grammar.toolCall(TOOLS);
    List<String> pieces =
        List.of(
            "a",
            "\n",
            call("g", "{'a': 2}"),
            call("g", "{'a': 1}"),
            AnswerParser.OPEN + call("g", "{'a': 2}") + AnswerParser.CLOSE,
            AnswerParser.OPEN,
            AnswerParser.CLOSE,
            "[TOOL_CALLS]",
            "<|python_tag|>",
            "{",
            "[",
            "]");
    int found = 0;
    for (int i = 0; i < pieces.size() * pieces.size() * pieces.size(); i++) {
      var made = new StringBuilder();
      for (int j = i; j > 0; j /= pieces.size()) {
        made.append(pieces.get(j % pieces.size()));
      }
      String text = made.toString();
      if (answer.matches(text)) {
        for (ToolCall each : AnswerParser.parse(text, text).toolCalls()) {
          String written = JsonMapper.shared().writeValueAsString(each.arguments());
          assertTrue(call.matches(call(each.name(), written)), text);
          found++;
        }
      } else {
        assertTrue(text.matches("(?s)\\s*[\\[{].*|.*(<|\\[TOOL).*"), text);
      }
    }
    assertTrue(found > 10);
  }

  @Test
  void combinesGrammarsOfAllKinds() {
    Grammar any =
        Grammar.ebnf("root ::= pair{2}\npair ::= \"ab\"")
            .or(Grammar.jsonSchema("{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"enum\":[7]}}}"))
            .or(Grammar.choice(List.of("x")).or(Grammar.regex("(y+z)*")));
    for (String text : List.of("abab", "7", "x", "", "yyzyz")) {
      assertTrue(any.matches(text), text);
    }
    for (String text : List.of("ab", "77", "xx", "yy", "abab7")) {
      assertFalse(any.matches(text), text);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'unevaluatedItems':1}", "{'minlength':1}", "{'properties':1}"})
  void namesToolOfInvalidSchema(String parameters) {
    var e =
        assertThrows(
            InvalidInputException.class, () -> Grammar.toolCall(List.of(tool("h", parameters))));
    assertTrue(e.getMessage().startsWith("parameters of tool 'h': JSON schema"), e.getMessage());
  }

  @Test
  void requiresObjectArguments() {
    Grammar maybe = Grammar.toolCall(List.of(tool("h", "{'type':['null','object']}")));
    assertTrue(maybe.matches(call("h", "{'a': 1}")));
    assertFalse(maybe.matches(call("h", "null")));
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> Grammar.toolCall(List.of(tool("h", "{'type':'string'}"))));
    assertEquals("parameters of tool 'h': type string: must be object", e.getMessage());
  }

  @Test
  void requiresFunctionTools() {
    assertThrows(InvalidInputException.class, () -> Grammar.toolCall(List.of()));
    assertThrows(InvalidInputException.class, () -> Grammar.toolCall(List.of(Map.of("name", "f"))));
  }
}
