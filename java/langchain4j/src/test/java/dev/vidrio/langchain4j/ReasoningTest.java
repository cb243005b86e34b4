package dev.vidrio.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.vidrio.model.testfiles.ParrotModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reasoning is the thinking of the message. */
class ReasoningTest {
  private static final UserMessage QUESTION = UserMessage.from("What is glass?");

  @TempDir private static Path directory;
  private static Path file = Path.of("unwritten");

  @BeforeAll
  static void write() throws IOException {
    file =
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(
                ':', List.of("<think>\nSand", " melts.", "\n</think>", "\n\nGlass", " is sand."),
                '>', List.of("Just", " glass.")));
  }

  @Test
  void returnsReasoning() {
    try (VidrioChatModel model =
        VidrioChatModel.builder().modelPath(file).temperature(0.0).build()) {
      AiMessage answer = model.chat(QUESTION).aiMessage();
      assertEquals("Sand melts.", answer.thinking());
      assertEquals("Glass is sand.", answer.text());
      ChatResponse again = model.chat(QUESTION, answer, UserMessage.from("Once more"));
      assertEquals("Glass is sand.", again.aiMessage().text());
    }
  }

  @Test
  void disablesReasoning() {
    try (VidrioChatModel model =
        VidrioChatModel.builder()
            .modelPath(file)
            .temperature(0.0)
            .reasoningEffort("none")
            .build()) {
      AiMessage answer = model.chat(QUESTION).aiMessage();
      assertNull(answer.thinking());
      assertEquals("Just glass.", answer.text());
    }
  }

  @Test
  void streamsReasoning() {
    var reasoning = new StringBuilder();
    var text = new StringBuilder();
    var response = new CompletableFuture<ChatResponse>();
    try (VidrioStreamingChatModel model =
        VidrioStreamingChatModel.builder().modelPath(file).temperature(0.0).build()) {
      model.chat(
          List.of(QUESTION),
          new StreamingChatResponseHandler() {
            @Override
            public void onPartialThinking(PartialThinking piece) {
              reasoning.append(piece.text());
            }

            @Override
            public void onPartialResponse(String piece) {
              text.append(piece);
            }

            @Override
            public void onCompleteResponse(ChatResponse complete) {
              response.complete(complete);
            }

            @Override
            public void onError(Throwable error) {
              response.completeExceptionally(error);
            }
          });
      assertEquals("Sand melts.", response.join().aiMessage().thinking());
    }
    assertEquals("Sand melts.", reasoning.toString());
    assertEquals("Glass is sand.", text.toString());
  }
}
