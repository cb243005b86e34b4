package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Parses tool calls in the formats of models. */
class AnswerParserTest {
  private static final ToolCall WEATHER =
      new ToolCall(null, "get_weather", Map.of("place", "Köln"));

  private static ChatMessage parse(String answer) {
    return AnswerParser.parse("the text", answer);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        """
        <tool_call>
        {"name": "get_weather", "arguments": {"place": "Köln"}}
        </tool_call>\
        """,
        "<tool_call>{\"name\":\"get_weather\",\"arguments\":{\"place\":\"Köln\"}}",
        "[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Köln\"}}]",
        "{\"name\": \"get_weather\", \"parameters\": {\"place\": \"Köln\"}}",
        "<|python_tag|>{\"name\": \"get_weather\", \"parameters\": {\"place\": \"Köln\"}}",
        " [{\"name\": \"get_weather\", \"arguments\": {\"place\": \"Köln\"}}]\n",
        "<|tool_call>call:get_weather{place:<|\"|>Köln<|\"|>}<tool_call|>",
        "<|tool_call>call:get_weather{ place: <|\"|>Köln<|\"|> }",
      })
  void findsCalls(String answer) {
    ChatMessage message = parse(answer);
    assertEquals(List.of(WEATHER), message.toolCalls());
    assertNull(message.content());
  }

  @Test
  void keepsSeveralCallsAndTextBefore() {
    ChatMessage message =
        parse(
            """
            I look.
            <tool_call>
            {"name": "get_weather", "arguments": {"place": "Köln"}}
            </tool_call>
            <tool_call>
            {"name": "clock", "arguments": {}}
            </tool_call>\
            """);
    assertEquals("I look.", message.content());
    assertEquals(List.of(WEATHER, new ToolCall(null, "clock", Map.of())), message.toolCalls());
    ChatMessage numbered =
        parse("[TOOL_CALLS][{\"name\": \"clock\", \"arguments\": {}, \"id\": \"abc\"}]");
    assertEquals(List.of(new ToolCall("abc", "clock", Map.of())), numbered.toolCalls());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Rain.",
        "{\"name\": \"Köln\"}",
        "[1, 2]",
        "null",
        "<tool_call>get_weather</tool_call>",
        "<tool_call>{\"name\": 1, \"arguments\": {}}</tool_call>",
        "[TOOL_CALLS]",
        "<|tool_call>get_weather{}<tool_call|>",
        "<|tool_call>call:get_weather{place:Köln}<tool_call|>",
        "<|tool_call>call:get_weather{place:<|\"|>Köln}<tool_call|>",
        "{\"name\": \"x\", \"arguments\": \"text\"}",
      })
  void treatsOtherAnswersAsText(String answer) {
    ChatMessage message = parse(answer);
    assertEquals("the text", message.content());
    assertEquals(List.of(), message.toolCalls());
  }

  /** The value types that Gemma 4's template writes. */
  @Test
  void parsesAllValueTypesOfGemma() {
    String quote = "<|\"|>";
    ChatMessage message =
        parse(
            "I look.<|tool_call>call:f{a:"
                + quote
                + "x}, \"y\""
                + quote
                + ",b:[1,-2.5,true,null],c:{d:{},"
                + quote
                + "e:f"
                + quote
                + ":3000000000}}<tool_call|><|tool_call>call:g{}<tool_call|>");
    Map<String, Object> inner = Map.of("d", Map.of(), "e:f", 3000000000L);
    Map<String, Object> arguments =
        Map.of("a", "x}, \"y\"", "b", Arrays.asList(1, -2.5, true, null), "c", inner);
    assertEquals("I look.", message.content());
    assertEquals(
        List.of(
            new ToolCall(null, "f", new LinkedHashMap<>(arguments)),
            new ToolCall(null, "g", Map.of())),
        message.toolCalls());
  }

  @Test
  void keepsMarkersInsideStrings() {
    String answer = "{\"name\": \"say\", \"arguments\": {\"text\": \"<tool_call>[TOOL_CALLS]\"}}";
    List<ToolCall> calls = AnswerParser.parse(answer, answer).toolCalls();
    assertEquals(1, calls.size());
    assertEquals(Map.of("text", "<tool_call>[TOOL_CALLS]"), calls.getFirst().arguments());
  }
}
