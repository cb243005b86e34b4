package dev.vidrio.model.testfiles;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The answers of {@link ScriptedModel}. */
final class ScriptedAnswers {
  /** A template that selects a script by the last message and the tools. */
  static final String TEMPLATE =
      """
      {%- for m in messages %}
      {{- m.role }}: {{ m.content + '' }}
      {%- for call in m.tool_calls or [] %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}
      {%- endfor %}
      {%- set last = messages[-1] %}
      {%- set text = last.content or '' %}
      {%- if last.role == 'tool' %}
      {%- if messages[-2].role == 'tool' %}<|both|>
      {%- elif 'sun' in text %}<|sunny|>
      {%- else %}<|clock|>{% endif %}
      {%- elif tools and 'simultaneously' in text %}<|calls|>
      {%- elif tools and 'weather' in text %}<|weather|>
      {%- elif tools and 'get_current_time' in text %}<|time|>
      {%- elif tools and 'I live' in text %}<|forced|>
      {%- elif 'capital' in text %}<|capital|>
      {%- elif 'love' in text %}<|love|>
      {%- elif 'color' in text %}<|color|>
      {%- elif 'ello' in text %}<|hello|>
      {%- elif 'story' in text %}<|story|>
      {%- else %}<|unknown|>{% endif %}\
      """;

  /**
   * The answers by the beginnings that the template selects, followed by alternatives for masks
   * that forbid the first.
   */
  static final Map<String, List<List<String>>> SCRIPTS = new LinkedHashMap<>();

  static {
    put(
        "capital",
        List.of("The", " capital", " of", " Germany", " is", " Berlin."),
        List.of("{\"city", "\": \"", "Berlin\"}"));
    put("love", List.of("Ich", " liebe", " dich!"));
    put("color", List.of("Your", " favorite", " color", " was", " green", " all along."));
    put("hello", List.of("Hello", ", whole", " wide", " World", ", and others"));
    put(
        "story",
        List.of(
            "Once",
            " upon",
            " a time",
            " there",
            " lived",
            " many",
            " animals",
            " who",
            " spoke",
            " all",
            " day",
            " long,",
            " so",
            " that",
            " nobody",
            " heard",
            " them",
            " sing",
            " at",
            " night",
            ", and",
            " they",
            " never",
            " stopped"));
    put("unknown", List.of("I do", " not", " know"));
    put(
        "weather",
        List.of(
            "<tool_call>{\"name\": ",
            "\"getWeather\"",
            ", \"arguments\": {\"city\": ",
            "\"Munich\"",
            "}}</tool_call>"));
    put(
        "time",
        List.of(
            "<tool_call>{\"name\":",
            " \"get_current_time\"",
            ", \"arguments\": {",
            "}}",
            "</tool_call>"));
    put(
        "calls",
        List.of(
            "<tool_call> {\"name\": \"getWeather\", ",
            "\"arguments\": {\"city\": \"Munich\"}} ",
            "</tool_call>\n",
            "<tool_call> {\"name\": \"getTime\", ",
            "\"arguments\": {\"country\": \"France\"}} ",
            " </tool_call>"));
    put(
        "forced",
        List.of(
            "<tool_call>{\"name\": \"getWeather\"",
            ", \"arguments\": ",
            "{\"city\": \"Munich\"}}\n</tool_call>"));
    put(
        "sunny",
        List.of("It", " looks", " sunny", " in", " Munich"),
        List.of("{\"weather", "\": \"sunny", "\"}"));
    put("clock", List.of("Now", " 10", ":14"));
    put("both", List.of("Still sunny", " there, and", " 14", ":35", " in France"));
  }

  private ScriptedAnswers() {}

  private static void put(String name, List<String> answer) {
    SCRIPTS.put(name, List.of(answer));
  }

  private static void put(String name, List<String> answer, List<String> other) {
    SCRIPTS.put(name, List.of(answer, other));
  }
}
