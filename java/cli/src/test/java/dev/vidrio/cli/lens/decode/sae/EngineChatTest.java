package dev.vidrio.cli.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.lens.decode.sae.explain.ChatModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EngineChatTest {
  private static final List<ChatMessage> CHAT = List.of(ChatMessage.user("Hi"));

  @TempDir private Path directory = Path.of("");

  private Model model() throws IOException {
    return Model.open(
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(':', List.of("<think>Sand", " melts.", "</think>", "\n\nGlass", " is sand."))));
  }

  /** Returns the number of tokens of the prompt. */
  private static int length(Model model) {
    return model.chatFormat().orElseThrow().encode(CHAT).length;
  }

  private static void assertTooLong(Model model, int positions, String prompt) {
    EngineOptions options = EngineOptions.DEFAULT.withContext(positions);
    try (var chat = new EngineChat(model, options)) {
      assertEquals(
          "prompt: %s: the context has %d positions (-c)".formatted(prompt, positions),
          assertThrows(IOException.class, () -> chat.answer(CHAT)).getMessage());
    }
  }

  @Test
  void answersWithoutReasoning() throws IOException {
    try (Model model = model();
        var chat = new EngineChat(model, EngineOptions.DEFAULT)) {
      assertEquals("Glass is sand.", chat.answer(CHAT));
      assertEquals("Glass is sand.", chat.answer(CHAT));
    }
  }

  @Test
  void answersWithTokens() throws IOException {
    try (Model model = model();
        var chat = new EngineChat(model, EngineOptions.DEFAULT)) {
      ChatModel.Answer answer = chat.answerWithTokens(CHAT);
      assertEquals("Glass is sand.", answer.text());
      assertTrue(answer.tokens().stream().anyMatch(token -> token.text().equals(" is sand.")));
      for (ChatModel.Token token : answer.tokens()) {
        assertEquals(ChatModel.CHOICES, token.top().size());
        assertEquals(token.text(), token.top().getFirst().text());
      }
    }
  }

  @Test
  void reportsPromptsThatExceedTheContext() throws IOException {
    try (Model model = model()) {
      int n = length(model);
      assertTooLong(model, n - 1, n + " tokens");
    }
  }

  /** The token after the last position is generated, but does not run. */
  @Test
  void reportsAnswersThatExceedTheContext() throws IOException {
    try (Model model = model()) {
      int n = length(model);
      assertTooLong(model, n + 1, n + " tokens and an answer of more than 2");
    }
  }

  @Test
  void rejectsModelsWithoutChatTemplate() {
    try (Model model = Model.open(BardFiles.q8())) {
      String message =
          assertThrows(
                  InvalidInputException.class,
                  () -> new EngineChat(model, EngineOptions.DEFAULT).close())
              .getMessage();
      assertEquals("model " + model.name() + ": has no chat template, and cannot explain", message);
    }
  }
}
