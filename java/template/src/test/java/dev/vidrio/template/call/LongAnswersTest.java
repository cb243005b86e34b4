package dev.vidrio.template.call;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.template.HarmonyParser;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Reads long answers: in quadratic time, each would take many minutes. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class LongAnswersTest {
  private static final int LENGTH = 1_000_000;
  private static final String CALL = "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>";
  private static final ParameterTypes TOOLS = new ParameterTypes(List.of(Map.of("name", "f")));

  private static ToolCallReader reader(String format) {
    return new ToolCallReader(
        ToolCallFormat.known().stream()
            .filter(each -> each.name().equals(format))
            .findFirst()
            .orElseThrow(),
        TOOLS,
        false);
  }

  private static ToolCallReader read(String text) {
    ToolCallReader reader = new ToolCallReader(ToolCallFormat.HERMES, TOOLS, false);
    for (int i = 0; i < text.length(); i++) {
      reader.accept(text.substring(i, i + 1));
      var _ = reader.contentEnd();
    }
    reader.finish(false);
    return reader;
  }

  @Test
  void readsLongWhiteSpace() {
    String space = "\n".repeat(LENGTH);
    assertEquals(LENGTH + 1, read(space + "x").contentEnd());
    assertEquals(1, read(CALL + space + "x").calls().size());
    assertEquals(1, read(CALL.replace(">{", ">" + space + "{")).calls().size());
    assertEquals(1, read(CALL.replace(":{", space + ":{")).calls().size());
  }

  /** Each mark begins a call that does not end. */
  @Test
  void limitsTextThatIsReadAgain() {
    String begun = "<tool_call>{\"name\":\"f\",\"arguments\":{";
    String text = begun.repeat(LENGTH / begun.length());
    assertEquals(List.of(), read(text).calls());
    assertEquals(List.of(), read(text + CALL).calls());
    assertEquals(1, read(begun.repeat(100) + CALL).calls().size());
  }

  @Test
  void limitsCalls() {
    ToolCallReader reader = new ToolCallReader(ToolCallFormat.HERMES, TOOLS, false);
    reader.accept(CALL.repeat(ToolCallReader.MAX_CALLS + 1));
    reader.finish(false);
    assertEquals(ToolCallReader.MAX_CALLS, reader.calls().size());
    assertEquals(1, reader.spans().size());
  }

  @Test
  void readsLongStringsOfGemma() {
    String text = "x".repeat(LENGTH);
    assertEquals("{\"a\":\"" + text + "\"}", GemmaArguments.toJson("{a:\"" + text + "\"}"));
    assertEquals("", GemmaArguments.toJson("{a" + " ".repeat(LENGTH)));
    String quoted =
        IntStream.range(0, LENGTH / 20)
            .mapToObj(i -> ",a" + i + ":<|\"|>b<|\"|>")
            .reduce(new StringBuilder(), StringBuilder::append, StringBuilder::append)
            .substring(1);
    ToolCallReader reader = reader("gemma");
    reader.accept("<|tool_call>call:f{" + quoted + "}<tool_call|>");
    reader.finish(false);
    assertEquals(1, reader.calls().size());
  }

  @Test
  void readsManyElements() {
    var schema = new ParameterTypes.Schema(null, Map.of());
    String text = "<a>1</a>".repeat(LENGTH / 8);
    assertEquals(Map.of("a", 1), Elements.value(text, "<", schema));
    String nested = "<a>".repeat(LENGTH / 8) + "</a>".repeat(LENGTH / 8);
    assertTrue(Elements.value(nested, "<", schema) instanceof Map<?, ?>);
  }

  @Test
  void readsLongHarmonyHeadersAndManyMessages() {
    HarmonyParser parser = new HarmonyParser(TOOLS);
    parser.accept("<|channel|>analysis<|message|>x<|end|>".repeat(LENGTH / 40));
    parser.accept("<|channel|>");
    for (int i = 0; i < LENGTH; i++) {
      parser.accept("x");
    }
    assertTrue(parser.isReasoning());
  }

  /** A schema with alternatives that all refer to it. */
  @Test
  void readsRecursiveSchemas() {
    List<Map<String, String>> alternatives =
        IntStream.range(0, 20)
            .mapToObj(i -> Map.of("$ref", "#/properties/p", "title", "t" + i))
            .toList();
    Map<String, Object> root = Map.of("properties", Map.of("p", Map.of("anyOf", alternatives)));
    assertEquals(7, ParameterTypes.of(root, "p").size());
    assertNull(new ParameterTypes.Schema(root, root).of("p", false).of("q", false).node());
  }
}
