package dev.vidrio.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Compares renderings with those of Hugging Face transformers. */
class ChatTemplateTest {

  private static final ChatOptions DEFAULTS = ChatOptions.builder().build();

  /** Templates and snippets, described in templates/README.md. */
  @TestFactory
  Stream<DynamicTest> rendersLikeTransformers() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(ChatTemplateTest.class.getResourceAsStream("golden.json"))) {
      return tests(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }

  /** Additional templates, given by the system property {@code vidrio.template.golden}. */
  @TestFactory
  Stream<DynamicTest> rendersGivenTemplatesLikeTransformers() throws IOException {
    String file = System.getProperty("vidrio.template.golden");
    return file == null ? Stream.empty() : tests(Files.readString(Path.of(file)));
  }

  private static Stream<DynamicTest> tests(String json) {
    GoldenFile golden = new GoldenFile(json);
    return golden.renderings().stream()
        .map(
            rendering ->
                DynamicTest.dynamicTest(rendering.toString(), () -> check(golden, rendering)));
  }

  private static void check(GoldenFile golden, GoldenFile.Rendering rendering) {
    if (rendering.prompt() == null) {
      assertThrows(ModelException.class, () -> golden.render(rendering));
    } else {
      assertEquals(rendering.prompt(), golden.render(rendering));
    }
  }

  @Test
  void rendersDocumentedExample() {
    String source =
        """
        {{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}
        {% endfor %}
        {% if add_generation_prompt %}<assistant>{% endif %}
        """;
    String prompt = TemplateExamples.render(source);
    assertEquals("<s><system>Be brief.\n<user>What is glass?\n<assistant>", prompt);
  }

  @Test
  void passesToolCallsAndResults() {
    String source =
        "{% for m in messages %}{{ m | tojson }}\n{% endfor %}{{ tools[0].function.name }}";
    List<ChatMessage> messages =
        List.of(
            ChatMessage.assistant(
                null, "Hm.", List.of(new ToolCall("c1", "clock", Map.of("zone", "UTC")))),
            ChatMessage.tool("12:00", "clock", "c1"));
    ChatOptions options =
        ChatOptions.builder()
            .tool(Map.of("type", "function", "function", Map.of("name", "clock")))
            .build();
    String prompt = ChatTemplate.parse("t", source).render(messages, options);
    assertTrue(prompt.contains("\"reasoning_content\": \"Hm.\""), prompt);
    assertTrue(prompt.contains("\"thinking\": \"Hm.\""), prompt);
    assertTrue(prompt.contains("\"type\": \"function\", \"id\": \"c1\""), prompt);
    assertTrue(prompt.contains("\"arguments\": {\"zone\": \"UTC\"}"), prompt);
    assertTrue(prompt.contains("\"tool_call_id\": \"c1\", \"content\": \"12:00\""), prompt);
    assertTrue(prompt.endsWith("clock"), prompt);
  }

  @Test
  void listsVariablesOfTemplate() {
    ChatTemplate template =
        ChatTemplate.parse(
            "t", "{% if enable_thinking %}{{ messages[0].content }}{{ range(2) }}{% endif %}");
    assertEquals(List.of("enable_thinking"), List.copyOf(template.variables()));
    assertTrue(template.reads("messages"));
    assertFalse(template.reads("tools"));
    ChatOptions thinking = ChatOptions.builder().variable("enable_thinking", true).build();
    assertEquals("xrange(0, 2)", template.render(List.of(ChatMessage.user("x")), thinking));
    assertEquals("", template.render(List.of(ChatMessage.user("x")), DEFAULTS));
  }

  @Test
  void rejectsUnusedVariables() {
    ChatTemplate template = ChatTemplate.parse("t.gguf", "{{ messages }}{{ range }}");
    for (String name : List.of("enable_thinking", "messages", "range", "tools")) {
      ChatOptions options = ChatOptions.builder().variable(name, "x").build();
      var e = assertThrows(InvalidInputException.class, () -> template.render(List.of(), options));
      assertEquals(
          "template variable " + name + ": the template of t.gguf reads no variable of that name",
          e.getMessage());
    }
  }

  @Test
  void rendersConcurrently() throws InterruptedException {
    ChatTemplate template =
        ChatTemplate.parse(
            "t",
            "{% set ns = namespace(n=0) %}{% for i in range(100) %}{% set ns.n = ns.n + i %}"
                + "{% endfor %}{{ ns.n }}{{ messages[0].content }}");
    String[] prompts = new String[8];
    List<Thread> threads =
        Stream.iterate(0, i -> i + 1)
            .limit(prompts.length)
            .map(
                i ->
                    Thread.ofVirtual()
                        .start(
                            () ->
                                prompts[i] =
                                    template.render(List.of(ChatMessage.user("u" + i)), DEFAULTS)))
            .toList();
    for (Thread thread : threads) {
      thread.join();
    }
    for (int i = 0; i < prompts.length; i++) {
      assertEquals("4950u" + i, prompts[i]);
    }
  }
}
