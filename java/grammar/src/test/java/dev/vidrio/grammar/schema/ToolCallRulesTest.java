package dev.vidrio.grammar.schema;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.grammar.ListTokenizer;
import dev.vidrio.grammar.RandomWalk;
import dev.vidrio.grammar.TokenConstraint;
import dev.vidrio.template.ToolCall;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ReadCall;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.template.call.ToolCallReader;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

class ToolCallRulesTest {
  /** Two tools that define one name with different meanings; another one is recursive. */
  private static final List<Map<String, @Nullable Object>> TOOLS =
      List.of(
          tool("f", "{'properties':{'a':{'$ref':'#/$defs/n'}},'$defs':{'n':{'enum':[1]}}}"),
          tool("g", "{'properties':{'a':{'$ref':'#/$defs/n'}},'$defs':{'n':{'enum':[2]}}}"),
          tool("list", "{'type':'object','properties':{'next':{'$ref':'#'}}}"),
          tool(
              "s",
              "{'properties':{'t':{'type':'string'},'b':{'type':'boolean'},"
                  + "'e':{'enum':['one','two']},'u':{'type':['string','integer']}}}"),
          Map.of("type", "function", "function", Map.of("name", "clock")));

  private static final ListTokenizer PIECES =
      ListTokenizer.of(
          "{\"",
          "\":",
          "\": ",
          "\"}",
          "{}",
          "true",
          "null",
          "12",
          "abc",
          "\\u00",
          "é\"",
          "</",
          "<tool",
          "_call>",
          "|>",
          "<|",
          "\n",
          "a=",
          "]",
          "one",
          "</arg_value>");

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

  private static Grammar calls(ToolCallFormat format) {
    return Grammar.toolCalls(format, TOOLS, true);
  }

  private static ToolCallFormat format(String name) {
    return ToolCallFormat.known().stream()
        .filter(each -> each.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void constrainsArgumentsBySchema() {
    Grammar grammar = Grammar.toolCalls(ToolCallFormat.OBJECT, TOOLS, false);
    for (String call :
        List.of(
            call("f", "{'a': 1}"),
            call("g", "{'a': 2}"),
            call("list", "{'next': {'next': {}}}"),
            call("clock", "{}"))) {
      assertTrue(grammar.matches(call), call);
      assertTrue(calls(ToolCallFormat.HERMES).matches("<tool_call>\n" + call + "\n</tool_call>"));
      assertFalse(calls(ToolCallFormat.HERMES).matches(call));
    }
    for (String other :
        List.of(
            call("f", "{'a': 2}"),
            call("g", "{'a': 1}"),
            call("h", "{}"),
            call("list", "{'next': 1}"),
            call("clock", "1"),
            call("clock", "{'any': [0]}"),
            call("clock", "{}") + "; " + call("clock", "{}"),
            "{\"a\": 1}",
            "")) {
      assertFalse(grammar.matches(other), other);
    }
  }

  /** Calls as the families of models write them, and ones that break the schema. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '§',
      quoteCharacter = '`',
      value = {
        "hermes § <tool_call>%n{\"name\": \"f\", \"arguments\": {\"a\": 1}}%n</tool_call> § 1 § 2",
        "functions §"
            + " <tool_call>%n<function=f>%n<parameter=a>%n1%n</parameter>%n</function>%n</tool_call>"
            + " § 1 § 2",
        "pairs § <tool_call>f%n<arg_key>a</arg_key>%n<arg_value>1</arg_value>%n</tool_call> § 1 §"
            + " 2",
        "pairs § <tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value></tool_call> § 1 § 2",
        "mistral § [TOOL_CALLS]f[ARGS]{\"a\": 1} § 1 § 2",
        "mistral with ids § [TOOL_CALLS]f[CALL_ID]aB3456789[ARGS]{\"a\": 1} § aB3456789 § 12",
        "deepseek § <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}"
            + "<｜tool▁call▁end｜><｜tool▁calls▁end｜> § 1 § 2",
        "dsml § <｜DSML｜tool_calls>%n<｜DSML｜invoke name=\"s\">%n<｜DSML｜parameter name=\"t\""
            + " string=\"true\">no </p> 1</｜DSML｜parameter>%n</｜DSML｜invoke>%n</｜DSML｜tool_calls>"
            + " § true § false",
        "python § <|tool_call_start|>[s(t=\"x\", b=True), clock()]<|tool_call_end|> § True § true",
        "python § <|tool_call_start|>[s(b=False)]<|tool_call_end|> § False § 0",
        "gemma § <|tool_call>call:s{t:<|\"|>a \"b\"<|\"|>,b:true}<tool_call|> § true § 1",
        "cohere § <|START_ACTION|>[%n    {\"tool_call_id\": \"0\", \"tool_name\": \"f\","
            + " \"parameters\": {\"a\": 1}}%n]<|END_ACTION|> § 1} § 2}",
        "apertus § <|tools_prefix|>[{\"f\": {\"a\": 1}}]<|tools_suffix|> § {\"f\" § {\"h\"",
        "kimi §"
            + " <|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\":"
            + " 1}<|tool_call_end|><|tool_calls_section_end|> § 1} § 2}",
      })
  @Tag("long")
  void writesEachFormat(String name, String pattern, String part, String wrong) {
    String text = pattern.replace("%n", "\n");
    Grammar grammar = calls(format(name));
    assertTrue(grammar.matches(text), text);
    assertFalse(grammar.matches(text.replace(part, wrong)), text);
    assertFalse(grammar.matches(text.substring(0, text.length() - 1)), text);
    var reader = new ToolCallReader(format(name), new ParameterTypes(TOOLS), true);
    reader.accept(text);
    reader.finish(false);
    assertFalse(reader.calls().isEmpty(), text);
    assertTrue(Grammar.answerWithCalls(format(name), TOOLS, true).matches("Look.\n" + text), text);
    assertFalse(
        Grammar.answerWithCalls(format(name), TOOLS, true)
            .matches("Look.\n" + text.replace(part, wrong)),
        text);
  }

  static List<ToolCallFormat> formats() {
    return ToolCallFormat.known();
  }

  /** Random texts of each grammar are read as valid calls. */
  @ParameterizedTest
  @MethodSource("formats")
  void readersReadWhatGrammarsWrite(ToolCallFormat format) {
    Grammar grammar = calls(format);
    TokenConstraint constraint = TokenConstraint.of(grammar, PIECES);
    RandomWalk walk = new RandomWalk(PIECES);
    SplittableRandom random = new SplittableRandom(7);
    int complete = 0;
    for (int i = 0; i < 15; i++) {
      byte[] bytes = walk.text(constraint, 100, random).orElse(null);
      if (bytes == null) {
        continue;
      }
      complete++;
      String text = new String(bytes, UTF_8);
      var reader = new ToolCallReader(format, new ParameterTypes(TOOLS), true);
      text.codePoints().forEach(c -> reader.accept(Character.toString(c)));
      reader.finish(false);
      List<ToolCall> read =
          reader.calls().stream().map(call -> ToolCall.of(call).orElseThrow()).toList();
      assertFalse(read.isEmpty(), text);
      for (ToolCall call : read) {
        String arguments = JsonMapper.shared().writeValueAsString(call.arguments());
        assertTrue(
            SchemaCase.errors(schema(call.name()), arguments).isEmpty(),
            () -> text + " -> " + arguments);
      }
    }
    assertTrue(complete > 1, format::name);
  }

  private static String schema(String name) {
    for (Map<String, @Nullable Object> tool : TOOLS) {
      Map<?, ?> function = (Map<?, ?>) Objects.requireNonNull(tool.get("function"));
      if (name.equals(function.get("name"))) {
        Map<String, @Nullable Object> schema = new LinkedHashMap<>();
        if (function.get("parameters") instanceof Map<?, ?> map) {
          map.forEach((key, value) -> schema.put(String.valueOf(key), value));
        }
        schema.put("type", "object");
        return JsonMapper.shared().writeValueAsString(schema);
      }
    }
    throw new IllegalArgumentException(name);
  }

  @Test
  void textsKeepTheConstraintsOfStrings() {
    List<Map<String, @Nullable Object>> tools =
        List.of(
            tool(
                "h",
                "{'properties':{'e':{'enum':['one','two']},'p':{'type':'string','pattern':'^[a-c]+$'},"
                    + "'l':{'type':'string','maxLength':2}},'required':['e']}"));
    Grammar grammar = Grammar.toolCalls(format("pairs"), tools, false);
    String begin = "<tool_call>h<arg_key>e</arg_key><arg_value>";
    String pair = "</arg_value><arg_key>%s</arg_key><arg_value>%s</arg_value></tool_call>";
    assertTrue(grammar.matches(begin + "one</arg_value></tool_call>"));
    assertFalse(grammar.matches(begin + "three</arg_value></tool_call>"));
    assertTrue(grammar.matches(begin + "two" + pair.formatted("p", "abc")));
    assertFalse(grammar.matches(begin + "two" + pair.formatted("p", "abd")));
    assertTrue(grammar.matches(begin + "two" + pair.formatted("l", "xy")));
    assertFalse(grammar.matches(begin + "two" + pair.formatted("l", "xyz")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{'anyOf':[{}]}", "{'required':['x']}", "{'patternProperties':{'a':{}}}"})
  void rejectsSchemasThatParametersCannotFollow(String schema) {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> Grammar.toolCalls(format("functions"), List.of(tool("h", schema)), false));
    assertTrue(e.getMessage().startsWith("parameters of tool 'h': "), e.getMessage());
    assertNotNull(Grammar.toolCalls(ToolCallFormat.HERMES, TOOLS, false));
  }

  @Test
  void allowsSeveralCallsOnRequest() {
    String call = "<tool_call>\n" + call("clock", "{}") + "\n</tool_call>";
    Grammar one = Grammar.toolCalls(ToolCallFormat.HERMES, TOOLS, false);
    assertTrue(one.matches(call));
    assertFalse(one.matches(call + "\n" + call));
    assertTrue(calls(ToolCallFormat.HERMES).matches(call + "\n" + call));
  }

  @Test
  void allowsCallOrResponseFormat() {
    ToolCallFormat object = ToolCallFormat.OBJECT;
    Grammar form = Grammar.regex("ja|nein");
    Grammar both = Grammar.chatAnswer(object, TOOLS, false, form);
    Grammar call = Grammar.chatAnswer(object, TOOLS, true, form);
    for (String text : List.of("ja", "nein", call("g", "{'a': 2}"))) {
      assertTrue(both != null && both.matches(text), text);
      assertEquals(text.startsWith("{"), call != null && call.matches(text), text);
    }
    assertFalse(both != null && both.matches(call("g", "{'a': 1}")));
    assertEquals(both, Grammar.toolCalls(object, TOOLS, false).or(Grammar.regex("ja|nein")));
    assertNull(Grammar.chatAnswer(object, TOOLS, false, null));
    assertNull(Grammar.chatAnswer(object, List.of(), false, null));
    assertEquals(form, Grammar.chatAnswer(object, List.of(), false, form));
  }

  @Test
  void allowsTextOrCalls() {
    String call = call("g", "{'a': 2}");
    String marked = "<tool_call>\n" + call + "\n</tool_call>";
    Grammar grammar = Grammar.answerWithCalls(ToolCallFormat.HERMES, TOOLS, true);
    for (String text :
        List.of(
            "",
            " \u2003\n",
            "Glass… is \"arguments\" <b> a [solid].",
            "{\"name\": \"Ann\"}",
            call("g", "{'a': 1}"),
            "[TOOL_CALLS][" + call + "]",
            marked,
            "Let me look.\n" + marked,
            "Let me look.\n```json\n" + call + "\n```",
            "```json\n{\"a\": 1}\n```",
            "<<tool" + marked + "\n" + marked)) {
      assertTrue(grammar.matches(text), text);
    }
    for (String text :
        List.of(
            marked.replace('2', '1'),
            "```json\n" + call.replace('2', '1') + "\n```",
            "```\n\n{ {\"arguments\": {}}}",
            "Let me look." + marked + marked.replace('2', '1'),
            "a <tool_call> is")) {
      assertFalse(grammar.matches(text), text);
    }
    Grammar bare = Grammar.answerWithCalls(ToolCallFormat.OBJECT, TOOLS, true);
    for (String text : List.of("", "Glass.", "{\"name\": \"Ann\"}", call, "Look.\n" + call)) {
      assertTrue(bare.matches(text), text);
    }
    for (String text :
        List.of(
            call("g", "{'a': 1}"),
            "[" + call("h", "{}") + "]",
            "{\"name\": \"g\", \"\\u0061rguments\": {}}")) {
      assertFalse(bare.matches(text), text);
    }
  }

  /** All texts of a few pieces: every call that a strict reader finds is a valid one. */
  @ParameterizedTest
  @ValueSource(strings = {"hermes", "llama", "functions"})
  void rejectsOtherCallsInText(String name) {
    ToolCallFormat format = format(name);
    Grammar answer = Grammar.answerWithCalls(format, TOOLS, true);
    Grammar call = Grammar.toolCalls(ToolCallFormat.OBJECT, TOOLS, false);
    String key = name.equals("llama") ? "parameters" : "arguments";
    String function = "<tool_call>\n<function=g>\n<parameter=a>\n2\n</parameter>\n</function>";
    List<String> pieces =
        List.of(
            "a",
            "\n",
            call("g", "{'a': 2}").replace("arguments", key),
            call("g", "{'a': 1}").replace("arguments", key),
            "<tool_call>\n" + call("g", "{'a': 2}") + "\n</tool_call>",
            function,
            function.replace('2', '1'),
            "</tool_call>",
            "<tool_call>",
            "<function=g>",
            "```json\n",
            "\n```",
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
        var reader = new ToolCallReader(format, new ParameterTypes(TOOLS), true);
        reader.accept(text);
        reader.finish(false);
        for (ReadCall each : reader.calls()) {
          String written = call(each.name(), each.arguments().toString());
          assertTrue(call.matches(written), text);
          found++;
        }
      }
    }
    assertTrue(found > 5, name);
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
            InvalidInputException.class,
            () -> Grammar.toolCalls(ToolCallFormat.OBJECT, List.of(tool("h", parameters)), false));
    assertTrue(e.getMessage().startsWith("parameters of tool 'h': JSON schema"), e.getMessage());
  }

  @Test
  void requiresObjectArguments() {
    Grammar maybe =
        Grammar.toolCalls(
            ToolCallFormat.OBJECT, List.of(tool("h", "{'type':['null','object']}")), false);
    assertTrue(maybe.matches(call("h", "{'a': 1}")));
    assertFalse(maybe.matches(call("h", "null")));
    var e =
        assertThrows(
            InvalidInputException.class,
            () ->
                Grammar.toolCalls(
                    ToolCallFormat.OBJECT, List.of(tool("h", "{'type':'string'}")), false));
    assertEquals("parameters of tool 'h': type string: must be object", e.getMessage());
  }

  @Test
  void requiresFunctionTools() {
    assertThrows(
        InvalidInputException.class,
        () -> Grammar.toolCalls(ToolCallFormat.OBJECT, List.of(), false));
    assertThrows(
        InvalidInputException.class,
        () -> Grammar.toolCalls(ToolCallFormat.OBJECT, List.of(Map.of("name", "f")), false));
  }
}
