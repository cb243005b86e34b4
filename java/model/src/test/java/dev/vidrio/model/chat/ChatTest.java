package dev.vidrio.model.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares conversations that keep their cache with new ones. */
class ChatTest {
  private static final GenerationOptions GREEDY =
      GenerationOptions.DEFAULT.withTokens(6).withSampling(SamplingOptions.GREEDY);

  @TempDir Path directory;

  private Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before each test
  private static Model unopened() {
    return null;
  }

  @BeforeEach
  void open() throws IOException {
    model = Model.open(TinyModel.writeChat(directory.resolve("tiny.gguf")));
  }

  @AfterEach
  void close() {
    model.close();
  }

  private Chat newChat(ChatOptions options) {
    return model.newChat(options, GREEDY, SessionOptions.DEFAULT);
  }

  @Test
  void cachedTurnsAnswerLikeNewConversations() {
    try (Chat chat = newChat(ChatOptions.DEFAULT)) {
      for (String text : List.of("a", "the tin", "on")) {
        String answer = chat.send(text).result().text();
        List<ChatMessage> messages = chat.messages();
        assertEquals(answer, messages.getLast().content());
        assertEquals(
            model.chat(messages.subList(0, messages.size() - 1), GREEDY).result().text(), answer);
      }
      assertEquals(6, chat.messages().size());
      chat.truncate(2);
      String again = chat.send("on").result().text();
      assertEquals(model.chat(chat.messages().subList(0, 3), GREEDY).result().text(), again);
    }
  }

  @Test
  void replacesMessagesAndOptions() {
    try (Chat chat = newChat(ChatOptions.DEFAULT)) {
      var _ = chat.send("a").result();
      List<ChatMessage> other = List.of(ChatMessage.system("the tin"), ChatMessage.user("on"));
      chat.setMessages(other.subList(0, 1));
      assertEquals(
          model.chat(other, GREEDY).result().text(), chat.send(other.getLast()).result().text());
      assertEquals(GREEDY, chat.options());
      GenerationOptions shorter = GREEDY.withTokens(2).withIgnoreEnd(true);
      chat.setOptions(shorter);
      assertEquals(2, chat.send("b").result().tokens().size());
    }
  }

  @Test
  void finishesThePreviousAnswerUnlessCanceled() {
    try (Chat chat = newChat(ChatOptions.DEFAULT)) {
      String whole = chat.send("a").result().text();
      chat.truncate(0);
      String first = chat.send("a").iterator().next();
      TextStream second = chat.send("b");
      assertEquals(whole, chat.messages().get(1).content());
      second.cancel();
      chat.send("c").close();
      assertEquals("", chat.messages().get(3).content());
      assertEquals(whole.substring(0, first.length()), first);
    }
  }

  @Test
  void unfinishedAnswerIsNotPartOfReplacedConversation() {
    try (Chat chat = newChat(ChatOptions.DEFAULT)) {
      var _ = chat.send("a").iterator().next();
      List<ChatMessage> other = List.of(ChatMessage.system("the tin"), ChatMessage.user("on"));
      chat.setMessages(other.subList(0, 1));
      String answer = chat.send(other.getLast()).result().text();
      assertEquals(model.chat(other, GREEDY).result().text(), answer);
      assertEquals(other, chat.messages().subList(0, 2));

      TextStream forgotten = chat.send("b");
      chat.truncate(2);
      assertEquals("", forgotten.result().text());
      assertEquals(other, chat.messages());
      var e = assertThrows(InvalidInputException.class, () -> chat.truncate(3));
      assertEquals("messages 3: must be 0 to 2", e.getMessage());
    }
  }

  @Test
  void rejectedMessagesLeaveConversationUnchanged() {
    try (Chat chat = newChat(ChatOptions.DEFAULT)) {
      assertThrows(InvalidInputException.class, () -> chat.send("x".repeat(2000)));
      assertEquals(List.of(), chat.messages());
      assertThrows(InvalidInputException.class, () -> chat.send(new ChatMessage("critic", "No.")));
      assertEquals(List.of(), chat.messages());
    }
  }

  @Test
  void rejectsToolsIfTheTemplateDoesNotSupportThem() {
    ChatOptions tools =
        ChatOptions.builder()
            .tool(Map.of("type", "function", "function", Map.of("name", "clock")))
            .build();
    try (Chat chat = newChat(tools)) {
      var e = assertThrows(InvalidInputException.class, () -> chat.send("a"));
      assertEquals("tools: this model's chat template does not support tools", e.getMessage());
    }
  }

  @Test
  void rejectsModelsWithoutChatTemplate() {
    try (Model bard = Model.open(BardFiles.q8())) {
      var e = assertThrows(InvalidInputException.class, bard::newChat);
      assertEquals("model " + bard.name() + ": has no chat template", e.getMessage());
    }
  }
}
