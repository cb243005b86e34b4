package dev.vidrio.cli.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.model.testfiles.ParrotModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Reasoning is separated from the answer. */
class ThinkingTest {
  private static final String TERMINALS = "vidrio.terminals";

  @TempDir Path directory;
  private Path model = Path.of("unwritten");

  @BeforeEach
  void write() throws IOException {
    model =
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(
                ':', List.of("<think>\nSand", " melts.", "\n</think>", "\n\nGlass", " is sand."),
                '#', List.of("<think>Red", ".</think>", "\"red\""),
                '>', List.of("Just", " glass.")));
  }

  @AfterEach
  void clear() {
    System.clearProperty(TERMINALS);
  }

  private Cli run(String text, String... more) {
    List<String> arguments = new ArrayList<>(List.of("run", "-m", model.toString(), "--temp", "0"));
    if (!text.isEmpty()) {
      arguments.addAll(List.of("-p", text));
    }
    arguments.addAll(List.of(more));
    Cli result = Cli.runWithInput("What is glass?\n", arguments.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    return result;
  }

  @Test
  void printsReasoningToStandardError() {
    Cli result = run("What is glass?");
    assertEquals("Glass is sand.", result.out().strip());
    assertTrue(result.err().contains("Sand melts.\n\n"), result.err());
    assertFalse(result.err().contains("think"), result.err());
  }

  @Test
  void dimsReasoningOnTerminals() {
    System.setProperty(TERMINALS, "2");
    String error = run("What is glass?").err();
    assertTrue(error.contains("\033[2mSand\033[0m\033[2m melts.\033[0m"), error);
  }

  @Test
  void printsReasoningInChats() {
    System.setProperty(TERMINALS, "0");
    Cli result = run("");
    assertEquals("Glass is sand.", result.out().strip());
    assertTrue(result.err().contains("Sand melts."), result.err());
  }

  @Test
  void jsonSeparatesReasoningFromText() {
    JsonNode json = run("What is glass?", "--json").json();
    assertEquals("Glass is sand.", json.path("text").stringValue());
    assertEquals("Sand melts.", json.path("reasoning").stringValue());
    assertEquals(5, json.path("ids").size());
    JsonNode best = run("What is glass?", "--json", "--beams", "2").json();
    assertEquals("Glass is sand.", best.path("text").stringValue());
    assertEquals("Sand melts.", best.path("reasoning").stringValue());
    JsonNode raw = run("What is glass?a:", "--json", "--raw").json();
    assertTrue(raw.path("text").stringValue().startsWith("<think>"), raw.toString());
    assertFalse(raw.has("reasoning"));
  }

  @Test
  void disablesReasoning() {
    assertEquals("Just glass.", run("What is glass?", "--reasoning", "none").out().strip());
  }

  @Test
  void schemaAppliesToTextOnly() throws IOException {
    Path schema = Files.writeString(directory.resolve("schema.json"), "{\"enum\": [\"red\"]}");
    JsonNode json = run("JSON, please", "--json", "--json-schema", schema.toString()).json();
    assertEquals("\"red\"", json.path("text").stringValue());
    assertEquals("Red.", json.path("reasoning").stringValue());
  }
}
