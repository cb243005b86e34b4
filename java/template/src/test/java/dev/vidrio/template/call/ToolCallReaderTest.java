package dev.vidrio.template.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.template.ToolCall;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Tests calls that arrive character by character, so that marks are split everywhere. */
class ToolCallReaderTest {
  private static final ParameterTypes TOOLS =
      new ParameterTypes(
          List.of(
              tool("clock", ""),
              tool("get_weather", "'place':{'type':'string'}"),
              tool(
                  "f",
                  "'s':{'type':'string'},'n':{'type':'integer'},'b':{'type':'boolean'},"
                      + "'l':{'type':'array','items':{'type':'string'}},"
                      + "'o':{'type':'object','properties':{'x':{'type':'number'}}},"
                      + "'u':{'type':['string','null','integer']},"
                      + "'r':{'$ref':'#/$defs/r'}")));

  private static final ToolCall WEATHER =
      new ToolCall(null, "get_weather", Map.of("place", "Köln"));
  private static final ToolCall CLOCK = new ToolCall(null, "clock", Map.of());
  private static final String JSON =
      "{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Köln\"}}";

  private static Map<String, Object> tool(String name, String properties) {
    return JsonMapper.shared()
        .readValue(
            ("{'type':'function','function':{'name':'"
                    + name
                    + "','parameters':{'type':'object','properties':{"
                    + properties
                    + "},'$defs':{'r':{'type':'string'}}}}}")
                .replace('\'', '"'),
            new TypeReference<>() {});
  }

  private static ToolCallFormat format(String name) {
    return ToolCallFormat.known().stream()
        .filter(each -> each.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** The text outside of calls, and the calls. */
  private record Read(String content, List<ToolCall> calls) {}

  /** Reads a response by characters, and requires that nothing of a call is shown before. */
  private static Read read(ToolCallFormat format, boolean strict, String text) {
    var reader = new ToolCallReader(format, TOOLS, strict);
    var shown = new ArrayList<Integer>();
    Map<ReadCall, String> arguments = new LinkedHashMap<>();
    for (int i = 0; i < text.length(); i++) {
      reader.accept(text.substring(i, i + 1));
      shown.add(reader.contentEnd());
      reader
          .begunCall()
          .ifPresent(
              call -> {
                String before = arguments.getOrDefault(call, "");
                assertTrue(call.arguments().toString().startsWith(before), before);
                arguments.put(call, call.arguments().toString());
              });
    }
    reader.finish(false);
    for (ToolCallReader.Span span : reader.spans()) {
      shown.forEach(end -> assertTrue(end <= span.begin() || end >= span.end() - 1, text));
    }
    return new Read(content(reader, text), calls(reader));
  }

  private static Read read(ToolCallFormat format, String text) {
    return read(format, false, text);
  }

  private static String content(ToolCallReader reader, String text) {
    StringBuilder content = new StringBuilder();
    int from = 0;
    for (ToolCallReader.Span span : reader.spans()) {
      content.append(text, from, span.begin());
      from = span.end();
    }
    return content.append(text.substring(from)).toString();
  }

  private static List<ToolCall> calls(ToolCallReader reader) {
    return reader.calls().stream().map(call -> ToolCall.of(call).orElseThrow()).toList();
  }

  /** Writes a call by a format's pattern. */
  private static String write(ToolCallFormat format, int number, ToolCall call) {
    StringBuilder text = new StringBuilder();
    for (Part part : format.call()) {
      switch (part) {
        case Part.Text(String literal) -> text.append(literal);
        case Part.Members(List<Part.Member> members) -> {
          Map<String, Object> object = new LinkedHashMap<>();
          for (Part.Member member : members) {
            String key = member.key().equals("$name") ? call.name() : member.key();
            object.put(
                key,
                switch (member.value()) {
                  case NAME -> call.name();
                  case JSON -> call.arguments();
                  default -> "call0000" + number;
                });
          }
          text.append(JsonMapper.shared().writeValueAsString(object));
        }
        case Part.Slot(Part.Variable variable) ->
            text.append(write(format, variable, number, call));
      }
    }
    return text.toString();
  }

  private static String write(
      ToolCallFormat format, Part.Variable variable, int number, ToolCall call) {
    String json = JsonMapper.shared().writeValueAsString(call.arguments());
    return switch (variable) {
      case NAME -> call.name();
      case ID -> "call0000" + number;
      case INDEX -> Integer.toString(number);
      case JSON -> json;
      case PYTHON -> {
        List<String> pairs = new ArrayList<>();
        call.arguments().forEach((key, value) -> pairs.add(key + "=" + python(value)));
        yield String.join(", ", pairs);
      }
      case GEMMA -> gemma(call.arguments());
      case PARAMETERS -> {
        StringBuilder all = new StringBuilder();
        call.arguments().forEach((key, value) -> all.append(write(format, key, value)));
        yield all.toString();
      }
      case KEY, TYPE, VALUE -> throw new IllegalStateException();
    };
  }

  private static String gemma(@Nullable Object value) {
    List<String> parts = new ArrayList<>();
    return switch (value) {
      case String text -> ToolCallFormat.GEMMA_QUOTE + text + ToolCallFormat.GEMMA_QUOTE;
      case List<?> list -> {
        list.forEach(each -> parts.add(gemma(each)));
        yield "[" + String.join(",", parts) + "]";
      }
      case Map<?, ?> map -> {
        map.forEach((key, each) -> parts.add(key + ":" + gemma(each)));
        yield "{" + String.join(",", parts) + "}";
      }
      case null, default -> String.valueOf(value);
    };
  }

  private static String python(@Nullable Object value) {
    return value instanceof Boolean flag
        ? flag ? "True" : "False"
        : JsonMapper.shared().writeValueAsString(value);
  }

  private static String write(ToolCallFormat format, String key, @Nullable Object value) {
    boolean isText = value instanceof String;
    StringBuilder text = new StringBuilder();
    for (Part part : format.parameter()) {
      text.append(
          switch (part) {
            case Part.Text(String literal) -> literal;
            case Part.Slot(Part.Variable variable) ->
                switch (variable) {
                  case KEY -> key;
                  case TYPE ->
                      format.name().startsWith("dsml")
                          ? Boolean.toString(isText)
                          : isText ? "string" : "number";
                  default -> isText ? value : JsonMapper.shared().writeValueAsString(value);
                };
            case Part.Members _ -> throw new IllegalStateException();
          });
    }
    return text.toString();
  }

  private static final ToolCall ALL_TYPES =
      new ToolCall(
          null,
          "f",
          new LinkedHashMap<>(
              Map.of(
                  "s",
                  "Two\nlines, \"quotes\", <b> & \\ ]",
                  "n",
                  -7,
                  "b",
                  true,
                  "l",
                  List.of("a, b", "c)"),
                  "o",
                  Map.of("x", 0.5))));

  static List<ToolCallFormat> formats() {
    return ToolCallFormat.known();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void readsWhatThePatternWrites(ToolCallFormat format) {
    String one = format.open() + write(format, 0, ALL_TYPES) + format.close();
    for (boolean strict : new boolean[] {true, false}) {
      Read read = read(format, strict, one);
      assertEquals(1, read.calls().size(), one);
      assertEquals(ALL_TYPES.arguments(), read.calls().getFirst().arguments());
      assertEquals("", read.content().strip());
    }
    String two =
        "I look.\n"
            + format.open()
            + write(format, 0, WEATHER)
            + format.separator()
            + write(format, 1, CLOCK)
            + format.close();
    Read read = read(format, two);
    assertEquals(
        List.of("get_weather", "clock"), read.calls().stream().map(ToolCall::name).toList(), two);
    assertEquals(WEATHER.arguments(), read.calls().getFirst().arguments());
    assertEquals("I look.", read.content().strip());
  }

  @ParameterizedTest
  @MethodSource("formats")
  void keepsTextAfterCalls(ToolCallFormat format) {
    String call = format.open() + write(format, 0, WEATHER) + format.close();
    Read read = read(format, "Before.\n" + call + "\nAfter.");
    assertEquals(1, read.calls().size(), call);
    assertEquals("Before.\nAfter.", read.content().replace("\n ", "\n")); // functools
  }

  @ParameterizedTest
  @MethodSource("formats")
  void readsOtherNamesAsText(ToolCallFormat format) {
    String call =
        format.open() + write(format, 0, new ToolCall(null, "other", Map.of())) + format.close();
    assertEquals(new Read(call, List.of()), read(format, call));
  }

  @ParameterizedTest
  @MethodSource("formats")
  void dropsTruncatedCalls(ToolCallFormat format) {
    String call = format.open() + write(format, 0, WEATHER) + format.close();
    for (int end = 0; end < call.length(); end++) {
      var reader = new ToolCallReader(format, TOOLS, false);
      reader.accept(call.substring(0, end));
      reader.finish(true);
      String content = content(reader, call.substring(0, end));
      boolean isText = content.isBlank() || format.marks().isEmpty();
      assertTrue(isText || (content.length() < 40 && !content.contains("Köln")), content);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<tool_call>\n" + JSON + "\n</tool_call>",
        "<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"place\":\"Köln\"}}",
        "<tool_call>{\"arguments\": {\"place\": \"Köln\"}, \"name\": \"get_weather\"}</tool_call>",
        "<tool_call>{\"name\": \"get_weather\", \"arguments\": \"{\\\"place\\\": \\\"Köln\\\"}\"}",
        "{\"name\": \"get_weather\", \"parameters\": {\"place\": \"Köln\"}}",
        "{\"type\": \"function\", \"function\": " + JSON + "}",
        "{{\"name\": \"get_weather\", \"arguments\": {{\"place\": \"Köln\"}}}}",
        "{{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Köln\"}}}",
        " [" + JSON + "]\n",
        "```json\n" + JSON + "\n```",
        "```json\n{{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Köln\"}}\n```",
        "```\n" + JSON + "\n```",
        "<tool_call>\n```json\n" + JSON + "\n```\n</tool_call>",
        "[get_weather(place='Köln')]",
      })
  void readsCommonSpellingsFromAllModels(String text) {
    Read read = read(ToolCallFormat.HERMES, text);
    assertEquals(List.of(WEATHER), read.calls());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Rain.",
        "{\"name\": \"Köln\"}",
        "{\"name\": \"get_weather\"}",
        "{\"name\": \"Köln\", \"arguments\": {}}",
        "{\"name\": \"get_weather\", \"arguments\": \"text\"}",
        "{\"name\": \"get_weather\", \"arguments\": [1]}",
        "[1, 2]",
        "null",
        "<tool_call>get_weather</tool_call>",
        "<tool_call>{\"name\": 1, \"arguments\": {}}</tool_call>",
        "<tool_call>{\"name\": \"clock\", \"arguments\": {1}}</tool_call>",
        "Write `<tool_call>` before a call, and f(a) for [f(a)].",
        "```json\n{\"name\": \"Ann\", \"age\": 3}\n```",
        "A list: [link](url)",
      })
  void readsOtherTextAsText(String text) {
    assertEquals(new Read(text, List.of()), read(ToolCallFormat.HERMES, text));
  }

  @Test
  void findsCallAfterMarkInProse() {
    Read read = read(ToolCallFormat.HERMES, "Tags like <tool_call> mark <tool_call>" + JSON);
    assertEquals(List.of(WEATHER), read.calls());
    assertEquals("Tags like <tool_call> mark ", read.content());
  }

  @Test
  void readsSeveralObjectsInAFence() {
    for (String objects :
        List.of(JSON + "\n" + JSON, JSON + ",\n" + JSON, "[" + JSON + ",\n" + JSON + "]")) {
      Read read = read(ToolCallFormat.HERMES, "```json\n" + objects + "\n```\nDone.");
      assertEquals(List.of(WEATHER, WEATHER), read.calls(), objects);
      assertEquals("Done.", read.content());
    }
  }

  @Test
  void strictReadersKnowTheFormatAndFences() {
    assertEquals(
        List.of(WEATHER), read(format("functions"), true, "```json\n" + JSON + "\n```").calls());
    for (String text : List.of(JSON, "```json\n[" + JSON + "]\n```", "[clock()]")) {
      assertEquals(new Read(text, List.of()), read(format("functions"), true, text));
    }
  }

  /** Values with types that only the schema defines. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "s | 7 | \"7\"",
        "s | \"q\" | \"\\\"q\\\"\"",
        "r | true | \"true\"",
        "n | 7 | 7",
        "b | True | true",
        "l | ['a', \"b\"] | [\"a\",\"b\"]",
        "o | {\"x\": 1} | {\"x\":1}",
        "u | null | null",
        "u | 7 | 7",
        "u | 7 p.m. | \"7 p.m.\"",
        "u | \"q\" | \"q\"",
        "u | [1] | \"[1]\"",
        "unknown | 7 | 7",
        "unknown | seven | \"seven\"",
      })
  void typesValuesBySchema(String key, String value, String json) {
    String text = "<tool_call>f<arg_key>" + key + "</arg_key><arg_value>" + value + "</arg_value>";
    Read read = read(format("pairs"), text + "</tool_call>");
    Map<String, Object> expected = new LinkedHashMap<>();
    expected.put(key, JsonMapper.shared().readValue(json, Object.class));
    assertEquals(new ToolCall(null, "f", expected), read.calls().getFirst());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<function=clock>\n</function>\n</tool_call>",
        "<tool_call><function=clock></function></tool_call>",
        "<tool_call>\n<function=clock>\n</tool_call>",
        "<tool_call>\n<function=clock>",
      })
  void toleratesMissingTags(String text) {
    assertEquals(List.of(CLOCK), read(format("functions"), text).calls());
  }

  @Test
  void keepsWhiteSpaceOfTexts() {
    String text =
        "<tool_call>\n<function=get_weather>\n<parameter=place>\n  a\n\nb \n\n</parameter>\n"
            + "</function>\n</tool_call>";
    assertEquals(
        Map.of("place", "  a\n\nb \n"),
        read(format("functions"), text).calls().getFirst().arguments());
  }

  @Test
  void keepsMarksInsideStrings() {
    String value = "<tool_call>[TOOL_CALLS] }] \\\" {";
    String text = "{\"name\": \"get_weather\", \"arguments\": {\"place\": \"" + value + "\"}}";
    assertEquals(
        Map.of("place", "<tool_call>[TOOL_CALLS] }] \" {"),
        read(ToolCallFormat.LLAMA, text).calls().getFirst().arguments());
  }

  @Test
  void streamsArgumentsWhileTheyAreWritten() {
    var reader = new ToolCallReader(format("functions"), TOOLS, false);
    reader.accept("<tool_call>\n<function=get_weather>\n<parameter=place>\nK\"ö");
    ReadCall call = reader.begunCall().orElseThrow();
    assertEquals("get_weather", call.name());
    assertEquals("{\"place\":\"K\\\"ö", call.arguments().toString());
    reader.accept("ln\n</para");
    assertEquals("{\"place\":\"K\\\"öln", call.arguments().toString());
    reader = new ToolCallReader(ToolCallFormat.HERMES, TOOLS, false);
    reader.accept("<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Kö");
    assertEquals("{\"place\":\"Kö", reader.begunCall().orElseThrow().arguments().toString());
  }

  /** The value types that Gemma 4's template writes. */
  @Test
  void readsAllValueTypesOfGemma() {
    String quote = "<|\"|>";
    String text =
        "I look.<|tool_call>call:f{a:"
            + quote
            + "x}, \"y\""
            + quote
            + ",b:[1,-2.5,true,null],c:{d:{},"
            + quote
            + "e:f"
            + quote
            + ":3000000000}}<tool_call|><|tool_call>call:clock{}<tool_call|>";
    Map<String, Object> inner = Map.of("d", Map.of(), "e:f", 3000000000L);
    Map<String, Object> arguments =
        Map.of("a", "x}, \"y\"", "b", Arrays.asList(1, -2.5, true, null), "c", inner);
    Read read = read(format("gemma"), text);
    assertEquals("I look.", read.content());
    assertEquals(
        List.of(new ToolCall(null, "f", new LinkedHashMap<>(arguments)), CLOCK), read.calls());
    for (String other :
        List.of(
            "<|tool_call>get_weather{}<tool_call|>",
            "<|tool_call>call:get_weather{place:Köln}<tool_call|>",
            "<|tool_call>call:get_weather{place:<|\"|>Köln}<tool_call|>")) {
      assertEquals(new Read(other, List.of()), read(format("gemma"), other));
    }
  }

  @Test
  void readsNestedElements() {
    String mark = "]<]minimax[>[";
    String text =
        "M<tool_call>M<invoke"
            + " name=\"f\">M<l>M<item>aM</item>M<item>bM</item>M</l>M<o>M<x>1.5M</x>M</o>"
            + "M</invoke>M</tool_call>";
    assertEquals(
        Map.of("l", List.of("a", "b"), "o", Map.of("x", 1.5)),
        read(format("elements"), text.replace("M", mark)).calls().getFirst().arguments());
  }

  @Test
  void keepsIdsOfCalls() {
    String id = "[TOOL_CALLS][{\"name\": \"clock\", \"arguments\": {}, \"id\": \"abc\"}]";
    assertEquals("abc", read(format("mistral list"), id).calls().getFirst().id());
    String kimi =
        "<|tool_call_begin|>functions.clock:3<|tool_call_argument_begin|>{}<|tool_call_end|>";
    assertEquals("functions.clock:3", read(format("kimi"), kimi).calls().getFirst().id());
  }
}
