package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ChatTemplate;
import dev.vidrio.template.ToolCall;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Parses a chat template and renders a conversation with a tool. Two renderings are equal; limits
 * of steps and lengths bound each.
 */
public final class TemplateHarness {
  private static final List<ChatMessage> MESSAGES =
      List.of(
          ChatMessage.system("You are glass."),
          ChatMessage.user("What time is it?"),
          ChatMessage.assistant(
              null, "They ask.", List.of(new ToolCall("call_12345", "clock", Map.of("zone", 1)))),
          ChatMessage.tool("{\"time\": 12.5}", "clock", "call_12345"),
          ChatMessage.assistant("Noon."),
          ChatMessage.user("Thanks \uD83D\uDE00"));

  private static final ChatOptions OPTIONS =
      ChatOptions.builder()
          .clock(Clock.fixed(Instant.EPOCH, ZoneOffset.UTC))
          .bosToken("<s>")
          .eosToken("</s>")
          .tool(
              Map.of(
                  "type",
                  "function",
                  "function",
                  Map.of(
                      "name",
                      "clock",
                      "parameters",
                      Map.of("type", "object", "properties", Map.of("zone", Map.of())))))
          .build();

  private TemplateHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    try {
      ChatTemplate template = ChatTemplate.parse("template", Fixtures.text(data));
      String one = template.render(MESSAGES, OPTIONS);
      Oracle.requireEqual(one, template.render(MESSAGES, OPTIONS), "two renderings");
      if (template.reads("tools")) {
        var _ = template.toolCallFormat();
      }
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  /** Returns the templates of the tests, and their snippets. */
  public static List<byte[]> seeds() {
    List<byte[]> seeds = new ArrayList<>();
    Path templates = Fixtures.path("java/template/src/test/resources/dev/vidrio/template");
    for (String name :
        List.of("alternating", "chatml", "one-line", "parts", "thinking", "tools", "whitespace")) {
      seeds.add(Fixtures.read(templates.resolve("templates/" + name + ".jinja")));
    }
    String snippets = Fixtures.text(Fixtures.read(templates.resolve("snippets.txt")));
    snippets
        .lines()
        .filter(line -> line.contains("{"))
        .forEach(line -> seeds.addAll(Fixtures.bytes(line)));
    return seeds;
  }
}
