package dev.vidrio.cli.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.engine.EngineOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
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

  /** Tokens of the prompt: the start, "u:Hi" with a line end, and "a:". */
  private static final int PROMPT = 8;

  @TempDir private Path directory = Path.of("");

  private Model model() throws IOException {
    return Model.open(
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(':', List.of("<think>Sand", " melts.", "</think>", "\n\nGlass", " is sand."))));
  }

  private static EngineOptions context(int positions) {
    return EngineOptions.DEFAULT.withContext(positions);
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
  void reportsPromptsThatExceedTheContext() throws IOException {
    try (Model model = model();
        var chat = new EngineChat(model, context(PROMPT - 1))) {
      assertEquals(
          "prompt: 8 tokens: the context has 7 positions (-c)",
          assertThrows(IOException.class, () -> chat.answer(CHAT)).getMessage());
    }
  }

  @Test
  void reportsAnswersThatExceedTheContext() throws IOException {
    try (Model model = model();
        var chat = new EngineChat(model, context(PROMPT + 1))) {
      assertEquals(
          "prompt: 8 tokens and an answer of more than 2: the context has 9 positions (-c)",
          assertThrows(IOException.class, () -> chat.answer(CHAT)).getMessage());
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
