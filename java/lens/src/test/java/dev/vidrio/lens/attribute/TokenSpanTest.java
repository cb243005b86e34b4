package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.attribute.TokenSpan.Conversation;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.testfiles.TinyModels;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenSpanTest extends BardTest {
  private static List<String> texts(List<TokenSpan> spans, int[] tokens) {
    int end = 0;
    for (TokenSpan span : spans) {
      assertEquals(end, span.from());
      end = span.to();
    }
    assertEquals(tokens.length, end);
    return spans.stream().map(span -> span.text(model.tokenizer(), tokens)).toList();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "To be, or not;<|endoftext|>|To| be|,| or| not",
        "incomprehensible things;<|endoftext|>|incomprehensible| things",
        "O, don't go!;<|endoftext|>|O|,| don't| go|!",
      })
  void wordsAreUnionsOfTokens(String text, String expected) {
    int[] tokens = model.tokenizer().encode(text);
    List<TokenSpan> words = TokenSpan.words(model.tokenizer(), tokens);
    assertEquals(List.of(expected.split("\\|(?!endoftext|>)")), texts(words, tokens));
  }

  @Test
  void sentencesEndAtStopsAndLines() {
    String text = "Speak. Who is there? I am\nthe king.\n\nGo";
    int[] tokens = model.tokenizer().encode(text);
    List<TokenSpan> sentences = TokenSpan.sentences(model.tokenizer(), tokens);
    assertEquals(
        List.of("<|endoftext|>", "Speak.", " Who is there?", " I am", "\nthe king.", "\n\nGo"),
        texts(sentences, tokens));
  }

  /** Ill-formed UTF-8, and characters of several tokens. */
  @Test
  void coversTokensOfAnyBytes() {
    for (BiFunction<Integer, Integer, Integer> token :
        List.<BiFunction<Integer, Integer, Integer>>of(
            (i, k) -> i, (i, k) -> (i * 37 + k) % 2048)) {
      int[] tokens = new int[300];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = token.apply(i, 5);
      }
      texts(TokenSpan.words(model.tokenizer(), tokens), tokens);
      texts(TokenSpan.sentences(model.tokenizer(), tokens), tokens);
    }
    int[] tokens = model.tokenizer().encode("κλεινός 王様 ok");
    List<String> words = texts(TokenSpan.words(model.tokenizer(), tokens), tokens);
    assertEquals("κλεινός", words.get(1));
    assertEquals(" ok", words.getLast());
    int[] empty = {};
    assertEquals(List.of(), TokenSpan.words(model.tokenizer(), empty));
  }

  @Test
  void messagesHaveTheirMarks(@TempDir Path directory) throws IOException {
    String template =
        "{% for m in messages %}({{ m.content }});{% endfor %}"
            + "{% if add_generation_prompt %}(9){% endif %}";
    Path file = TinyModels.writeChat(directory.resolve("tiny.gguf"), "llama", template);
    try (Model tiny = Model.open(file)) {
      ChatFormat format = tiny.chatFormat().orElseThrow();
      List<ChatMessage> messages =
          List.of(ChatMessage.system("12"), ChatMessage.user("34"), ChatMessage.assistant("5"));
      Conversation conversation = TokenSpan.messages(format, messages);
      int[] tokens = conversation.tokens().stream().mapToInt(Integer::intValue).toArray();
      assertEquals(
          List.of("(12);", "(34);", "(5);", "(9)"),
          conversation.spans().stream().map(s -> s.text(tiny.tokenizer(), tokens)).toList());
      assertThrows(InvalidInputException.class, () -> TokenSpan.messages(format, List.of()));
    }
  }
}
