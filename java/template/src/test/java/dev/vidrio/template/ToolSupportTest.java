package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.template.call.ToolCallFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Conversations with tool calls, on each template that reads tools. */
class ToolSupportTest {
  private static final String UNSUPPORTED = "this model's chat template does not support tools";
  private static final String UNKNOWN_FORMAT =
      "this model's chat template writes tool calls in a format that is not supported";

  /** Templates of {@code templates/} that read tools, with their formats; empty if unknown. */
  private static final Map<String, String> WITH_TOOLS =
      Map.of(
          "gemma4.jinja", "gemma",
          "gpt-oss.jinja", "harmony",
          "granite3.3.jinja", "granite",
          "mistral-nemo.jinja", "mistral list",
          "qwen3.jinja", "hermes",
          "schema.jinja", "",
          "tools.jinja", "");

  private static final Map<String, Object> TOOL =
      Map.of(
          "type",
          "function",
          "function",
          Map.of(
              "name",
              "get_weather",
              "description",
              "Returns the weather.",
              "parameters",
              Map.of(
                  "type",
                  "object",
                  "properties",
                  Map.of("place", Map.of("type", "string", "description", "A town.")),
                  "required",
                  List.of("place"))));

  private static ChatTemplate load(String name) throws IOException {
    try (InputStream in =
        Objects.requireNonNull(
            ToolSupportTest.class.getResourceAsStream("templates/" + name), name)) {
      return ChatTemplate.parse(name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  private static String render(ChatTemplate template, List<ChatMessage> messages) {
    ChatOptions options = ChatOptions.builder().tool(TOOL).bosToken("<s>").eosToken("</s>").build();
    return template.render(messages, options);
  }

  private static List<ChatMessage> turn(int n) {
    String id = "call0000" + n;
    return List.of(
        ChatMessage.assistant(
            null, null, List.of(new ToolCall(id, "get_weather", Map.of("place", "Town " + n)))),
        ChatMessage.tool("weather " + n, "get_weather", id));
  }

  /** Calls in three turns, each sent back as the model made it: without content. */
  private static void renderThreeTurns(ChatTemplate template) {
    List<ChatMessage> messages = new ArrayList<>();
    for (int n = 1; n <= 3; n++) {
      messages.add(ChatMessage.user("question " + n));
      messages.addAll(turn(n));
      String prompt = render(template, messages);
      assertTrue(prompt.contains("weather " + n), prompt);
      messages.addAll(turn(n + 3));
      prompt = render(template, messages);
      assertTrue(prompt.contains("weather " + (n + 3)), prompt);
      messages.add(ChatMessage.assistant("answer " + n));
    }
    messages.add(ChatMessage.user("question 4"));
    String prompt = render(template, messages);
    assertTrue(prompt.contains("answer 3"), prompt);
    assertFalse(prompt.contains("None"), prompt);
  }

  @TestFactory
  Stream<DynamicTest> rendersThreeTurnsWithCalls() {
    return WITH_TOOLS.keySet().stream()
        .filter(name -> !name.equals("schema.jinja")) // renders no content
        .sorted()
        .map(name -> dynamicTest(name, () -> renderThreeTurns(load(name))));
  }

  @Test
  void knowsAllTemplatesThatReadTools() throws IOException {
    List<String> names = new ArrayList<>();
    Path directory = Path.of("src/test/resources/dev/vidrio/template/templates");
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.filter(path -> path.toString().endsWith(".jinja")).toList()) {
        String name = file.getFileName().toString();
        if (load(name).reads("tools")) {
          names.add(name);
        }
      }
    }
    assertEquals(WITH_TOOLS.keySet(), Set.copyOf(names));
  }

  @TestFactory
  Stream<DynamicTest> rejectsToolsUnlessCallsAreParsed() {
    return WITH_TOOLS.entrySet().stream()
        .map(
            entry ->
                dynamicTest(
                    entry.getKey(),
                    () -> {
                      ChatTemplate template = load(entry.getKey());
                      check(template, entry.getValue().isEmpty() ? UNKNOWN_FORMAT : "");
                      assertEquals(
                          entry.getValue(),
                          template.toolCallFormat().map(ToolCallFormat::name).orElse(""));
                    }));
  }

  /** Templates of the tester's choice, in the directory {@code vidrio.template.directory}. */
  @TestFactory
  Stream<DynamicTest> handlesCallsOfGivenTemplates() throws IOException {
    String directory = System.getProperty("vidrio.template.directory");
    if (directory == null) {
      return Stream.empty();
    }
    try (Stream<Path> files = Files.list(Path.of(directory))) {
      return files.filter(path -> path.toString().endsWith(".jinja")).sorted().toList().stream()
          .map(file -> dynamicTest(file.getFileName().toString(), () -> handleCalls(file)));
    }
  }

  /** Requires that tools are rejected, or that three turns are rendered. */
  private static void handleCalls(Path file) throws IOException {
    ChatTemplate template = ChatTemplate.parse("given", Files.readString(file));
    try {
      template.requireTools();
    } catch (InvalidInputException e) {
      assertTrue(List.of(UNSUPPORTED, UNKNOWN_FORMAT).contains(e.limit()), e.getMessage());
      return;
    }
    renderThreeTurns(template);
  }

  private static void check(ChatTemplate template, String limit) {
    if (limit.isEmpty()) {
      assertDoesNotThrow(template::requireTools);
    } else {
      var e = assertThrows(InvalidInputException.class, template::requireTools);
      assertEquals("tools: " + limit, e.getMessage());
    }
  }

  /** Returns a template that reads the content of every message and writes calls as given. */
  private static ChatTemplate writing(String call) {
    return ChatTemplate.parse(
        "t",
        "{{ tools | tojson }}{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}"
            + "{% for c in m.tool_calls or [] %}{% set f = c.function %}"
            + call
            + "{% endfor %}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif"
            + " %}");
  }

  private static final String OBJECT =
      "{\"name\": \"{{ f.name }}\", \"arguments\": {{ f.arguments | tojson }}}";

  /** Returns a loop over the arguments. */
  private static String each(String argument) {
    return "{% for k, v in f.arguments.items() %}" + argument + "{% endfor %}";
  }

  static List<Arguments> callsOfFormats() {
    String invoke = "invoke name=\"{{ f.name }}\">";
    return List.of(
        arguments("hermes", "<tool_call>" + OBJECT + "</tool_call>"),
        arguments("mistral list", "[TOOL_CALLS][" + OBJECT + "]"),
        arguments("mistral list", "[TOOL_CALLS] [" + OBJECT + "]"),
        arguments("mistral", "[TOOL_CALLS]{{ f.name }}[ARGS]{{ f.arguments | tojson }}"),
        arguments(
            "mistral with ids",
            "[TOOL_CALLS]{{ f.name }}[CALL_ID]{{ c.id }}[ARGS]{{ f.arguments | tojson }}"),
        arguments("llama", OBJECT),
        arguments("llama", "{{ c | tojson }}"),
        arguments(
            "llama tag",
            "<|python_tag|>{\"name\": \"{{ f.name }}\", \"parameters\":"
                + " {{ f.arguments | tojson }}}"),
        arguments(
            "functions",
            "<tool_call>\n<function={{ f.name }}>"
                + each("<parameter={{ k }}>\n{{ v }}\n</parameter>")
                + "</function></tool_call>"),
        arguments(
            "pairs",
            "<tool_call>{{ f.name }}"
                + each("<arg_key>{{ k }}</arg_key><arg_value>{{ v }}</arg_value>")
                + "</tool_call>"),
        arguments("list", "<tool_calls>[" + OBJECT + "]</tool_calls>"),
        arguments("granite", "<|tool_call|>[" + OBJECT + "]"),
        arguments(
            "python",
            "<|tool_call_start|>[{{ f.name }}("
                + each("{{ ', ' if not loop.first }}{{ k }}={{ v | tojson }}")
                + ")]<|tool_call_end|>"),
        arguments("functionary", "<function={{ f.name }}>{{ f.arguments | tojson }}</function>"),
        arguments(
            "deepseek",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{{ f.name }}<｜tool▁sep｜>"
                + "{{ f.arguments | tojson }}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
        arguments(
            "invoke",
            "<minimax:tool_call>\n<"
                + invoke
                + each("<parameter name=\"{{ k }}\">{{ v }}</parameter>")
                + "</invoke></minimax:tool_call>"),
        arguments(
            "cohere",
            "<|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"{{ f.name }}\","
                + " \"parameters\": {{ f.arguments | tojson }}}]<|END_ACTION|>"));
  }

  @ParameterizedTest
  @MethodSource("callsOfFormats")
  void findsTheFormatOfRenderedCalls(String format, String call) {
    ChatTemplate template = writing(call);
    check(template, "");
    assertEquals(format, template.toolCallFormat().orElseThrow().name());
    renderThreeTurns(template);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<call tool=\"{{ f.name }}\">{{ f.arguments | tojson }}</call>",
        "<tool_call>{\"name\": \"{{ f.name }}\", \"arguments\": {}}</tool_call>",
        "{{ raise_exception('no calls') }}",
      })
  void rejectsToolsIfCallsAreNotRead(String call) {
    check(writing(call), UNKNOWN_FORMAT);
  }

  @Test
  void formatIsThatOfTheInstructionIfCallsAreNotRendered() {
    check(writing("{# <tool_call> #}"), "");
    check(writing("{# {\"name\": function name, \"parameters\": dictionary} #}"), "");
    check(writing(""), UNKNOWN_FORMAT);
    check(writing("{# <|tool_call|> #}"), "");
    check(writing("{# <call> #}"), UNKNOWN_FORMAT);
  }

  @Test
  void rejectsToolsIfTheTemplateDoesNotReadThem() {
    check(ChatTemplate.parse("t", "{{ messages[0].content }}"), UNSUPPORTED);
  }

  @Test
  void onlyMessagesWithCallsGetEmptyContent() {
    ChatTemplate template = ChatTemplate.parse("t", "{{ messages[0] | tojson }}");
    ChatMessage call =
        ChatMessage.assistant(null, null, List.of(new ToolCall(null, "clock", Map.of())));
    assertTrue(template.render(List.of(call), ChatOptions.DEFAULT).endsWith("\"content\": \"\"}"));
    ChatMessage reasoning = ChatMessage.assistant(null, "Hm.", List.of());
    assertFalse(
        template.render(List.of(reasoning), ChatOptions.DEFAULT).contains("content\": \"\""));
  }
}
