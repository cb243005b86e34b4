package dev.vidrio.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.vidrio.engine.Engine;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.testfiles.ParrotModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.chat.messages.AssistantMessage;
import org.springframework.ai.chat.messages.UserMessage;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.model.Generation;
import org.springframework.ai.chat.prompt.Prompt;

/** Reasoning is in the metadata of the message. */
class ReasoningTest {
  private static final String REASONING = "reasoningContent";

  @TempDir private Path directory;

  private static AssistantMessage message(ChatResponse response) {
    Generation generation = Objects.requireNonNull(response.getResult());
    return generation.getOutput();
  }

  @Test
  void returnsReasoningAsMetadata() throws IOException {
    Path file =
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(
                ':', List.of("<think>\nSand", " melts.", "\n</think>", "\n\nGlass", " is sand.")));
    try (Model model = Model.open(file);
        Engine engine = Engine.open(model)) {
      var chat = new VidrioChatModel(engine, GenerationOptions.DEFAULT);
      var question = new UserMessage("What is glass?");
      AssistantMessage answer = message(chat.call(new Prompt(question)));
      assertEquals("Glass is sand.", answer.getText());
      assertEquals("Sand melts.", answer.getMetadata().get(REASONING));
      AssistantMessage again =
          message(chat.call(new Prompt(List.of(question, answer, new UserMessage("Once more")))));
      assertEquals("Glass is sand.", again.getText());

      List<AssistantMessage> pieces =
          chat.stream(new Prompt(question)).toStream().map(ReasoningTest::message).toList();
      assertEquals(
          "Sand melts.",
          pieces.stream()
              .map(piece -> piece.getMetadata().getOrDefault(REASONING, "").toString())
              .collect(Collectors.joining()));
      assertEquals(
          "Glass is sand.",
          pieces.stream().map(AssistantMessage::getText).collect(Collectors.joining()));
      assertFalse(pieces.getLast().getMetadata().containsKey(REASONING));
    }
  }
}
