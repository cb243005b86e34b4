package dev.vidrio.model.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.ParrotModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests conversations with a reasoning model. */
class ReasoningChatTest {
  private static final GenerationOptions GREEDY =
      GenerationOptions.DEFAULT.withSampling(SamplingOptions.builder().temperature(0).build());

  @TempDir private static Path directory;
  private static Model model;

  @BeforeAll
  static void open() throws IOException {
    Path file =
        ParrotModel.writeThinker(
            directory.resolve("thinker.gguf"),
            Map.of(
                ':', List.of("<think>\nSand", " melts.", "\n</think>", "\n\nGlass", " is sand."),
                '>', List.of("Just", " glass.")));
    model = Model.open(file);
  }

  @AfterAll
  static void close() {
    model.close();
  }

  @Test
  void reasoningIsSeparateFromContent() {
    try (Chat chat = model.newChat(ChatOptions.builder().build(), GREEDY, SessionOptions.DEFAULT)) {
      var _ = chat.send("What is glass?").result();
      ChatMessage answer = chat.messages().getLast();
      assertEquals("Sand melts.", answer.reasoning());
      assertEquals("Glass is sand.", answer.content());
      TextStream again = chat.send("Once more");
      ChatAnswer reader = chat.newAnswer();
      var text = new StringBuilder();
      again.forEach(piece -> text.append(reader.accept(piece)));
      assertEquals("Glass is sand.", text.append(reader.finish()).toString());
      assertEquals("Sand melts.", reader.reasoning());
    }
  }

  @Test
  void grammarAppliesAfterReasoning() {
    Grammar grammar = Grammar.choice(List.of("Glass is sand.", "Just glass."));
    GenerationOptions options = GREEDY.withGrammar(grammar);
    List<ChatMessage> messages = List.of(ChatMessage.user("What is glass?"));
    assertEquals(
        "<think>\nSand melts.\n</think>\n\nGlass is sand.",
        model.chat(messages, options).result().text());
    ChatOptions off = ChatOptions.builder().variable("enable_thinking", false).build();
    try (Chat chat = model.newChat(off, options, SessionOptions.DEFAULT)) {
      assertEquals("Just glass.", chat.send("What is glass?").result().text());
    }
  }

  @Test
  void reasoningEffortUsesTemplateVariables() throws IOException {
    ChatFormat format = model.chatFormat().orElseThrow();
    assertEquals(Map.of("enable_thinking", false), format.reasoningEffort("none"));
    assertEquals(Map.of("enable_thinking", true), format.reasoningEffort("high"));
    var wrong = assertThrows(InvalidInputException.class, () -> format.reasoningEffort("much"));
    assertTrue(wrong.getMessage().startsWith("reasoning effort much: must be one of none"));
    try (Model other = Model.open(TinyModel.writeChat(directory.resolve("tiny.gguf")))) {
      ChatFormat plain = other.chatFormat().orElseThrow();
      var none = assertThrows(InvalidInputException.class, () -> plain.reasoningEffort("low"));
      assertEquals("the model's chat template reads no variable for it", none.limit());
    }
  }
}
