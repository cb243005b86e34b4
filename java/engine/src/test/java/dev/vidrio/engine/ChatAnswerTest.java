package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.testfiles.ScriptedModel;
import dev.vidrio.model.tokenizer.TokenDecoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers come byte by byte, so that everything is cut everywhere. */
class ChatAnswerTest {
  private static final String CALL =
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}</tool_call>";
  private static final ToolCall WEATHER = new ToolCall(null, "weather", Map.of("city", "Köln"));

  @TempDir private static Path directory;
  private static Model model;

  @BeforeAll
  static void open() throws IOException {
    model = Model.open(ScriptedModel.write(directory.resolve("scripted.gguf")));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** A text's tokens as an engine gives them. */
  private static List<GeneratedToken> tokens(String text) {
    TokenDecoder decoder = model.tokenizer().streamingDecoder(true);
    List<GeneratedToken> tokens = new ArrayList<>();
    for (int id : model.tokenizer().encode(text)) {
      if (id != model.tokenizer().bos().orElseThrow()) {
        tokens.add(new GeneratedToken(id, decoder.accept(id), null));
      }
    }
    return tokens;
  }

  /** The pieces that may be shown, and the message that they must be the content of. */
  private static ChatMessage answer(String text, boolean tools) {
    var answer = new ChatAnswer(model.tokenizer(), tools);
    var shown = new StringBuilder();
    tokens(text).forEach(token -> shown.append(answer.accept(token)));
    shown.append(answer.finish());
    ChatMessage message = answer.message();
    assertEquals(shown.toString(), Objects.requireNonNullElse(message.content(), ""));
    assertEquals(message, ChatAnswer.message(model.tokenizer(), tokens(text), tools));
    return message;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Glass.",
        " Glass is an amorphous  solid \n",
        "a < b, <tool, <tool_cal",
        "[TOOL",
        "{\"city\": \"Köln\"}",
        "[1, 2",
        "<|x|>"
      })
  void textIsText(String text) {
    for (boolean tools : new boolean[] {false, true}) {
      ChatMessage message = answer(text, tools);
      assertEquals(text, message.content());
      assertTrue(message.toolCalls().isEmpty());
    }
  }

  @Test
  void withoutToolsNothingIsACall() {
    assertEquals(CALL, answer(CALL, false).content());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        CALL,
        "\n" + CALL + "\n",
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}",
        "[{\"name\": \"weather\", \"parameters\": {\"city\": \"Köln\"}}]",
        "[TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}]"
      })
  void aCallIsNotShown(String text) {
    ChatMessage message = answer(text, true);
    assertEquals(List.of(WEATHER), message.toolCalls());
    assertEquals(null, message.content());
  }

  @Test
  void textBeforeCallsIsShown() {
    ChatMessage message = answer("Let me see < here.\n\n" + CALL + "\n" + CALL, true);
    assertEquals(List.of(WEATHER, WEATHER), message.toolCalls());
    assertEquals("Let me see < here.", message.content());
  }

  @Test
  void textIsShownAtOnce() {
    var answer = new ChatAnswer(model.tokenizer(), true);
    var shown = new StringBuilder();
    tokens("Glass").forEach(token -> shown.append(answer.accept(token)));
    assertEquals("Glass", shown.toString());
    assertFalse(answer.finish().contains("Glass"));
  }
}
