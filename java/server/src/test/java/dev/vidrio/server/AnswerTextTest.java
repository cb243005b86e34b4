package dev.vidrio.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.engine.GeneratedToken;
import dev.vidrio.model.Model;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.testfiles.BardFiles;
import dev.vidrio.model.tokenizer.EncodeOptions;
import dev.vidrio.model.tokenizer.TokenDecoder;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text is shown as soon as it can be no call, and calls are found in whatever pieces they come. */
class AnswerTextTest {
  private static final String CALL =
      "<tool_call>{\"name\": \"clock\", \"arguments\": {\"zone\": \"UTC\"}}</tool_call>";
  private static final ToolCall CLOCK = new ToolCall(null, "clock", Map.of("zone", "UTC"));

  private static Model model = unopened();

  @SuppressWarnings("NullAway") // JUnit opens it before the tests
  private static Model unopened() {
    return null;
  }

  @BeforeAll
  static void open() {
    model = Model.open(BardFiles.q8());
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** The pieces that are shown, and the answer at its end. */
  private static List<String> shown(AnswerText answer, String text) {
    Tokenizer tokenizer = model.tokenizer();
    TokenDecoder decoder = tokenizer.streamingDecoder(true);
    List<String> pieces = new ArrayList<>();
    for (int id : tokenizer.encode(text, EncodeOptions.DEFAULT.withAddBosEos(false))) {
      pieces.add(answer.accept(new GeneratedToken(id, decoder.accept(id), null)));
    }
    pieces.add(answer.accept(new GeneratedToken(-1, decoder.finish(), null)));
    pieces.add(answer.finish());
    pieces.removeIf(String::isEmpty);
    return pieces;
  }

  private static AnswerText withTools() {
    return new AnswerText(model.tokenizer(), true, true);
  }

  @Test
  void withoutToolsEverythingIsText() {
    var answer = new AnswerText(model.tokenizer(), false, true);
    assertEquals(CALL, String.join("", shown(answer, CALL)));
    assertEquals(List.of(), answer.calls());
  }

  @ParameterizedTest
  @CsvSource({
    "'I look. ', 1",
    "'', 1",
    "'a <b> <tool', 1",
    "'So: ', 2",
  })
  void callsAreHeldBackFromTheText(String before, int calls) {
    var answer = withTools();
    assertEquals(before, String.join("", shown(answer, before + CALL.repeat(calls))));
    assertEquals(List.of(CLOCK, CLOCK).subList(0, calls), answer.calls());
  }

  @Test
  void onlyOneCallIsKeptWhereTheyMustNotBeParallel() {
    var answer = new AnswerText(model.tokenizer(), true, false);
    assertEquals(List.of(), shown(answer, CALL + CALL));
    assertEquals(List.of(CLOCK), answer.calls());
  }

  @ParameterizedTest
  @CsvSource({
    "'To be, or not.'",
    "'a <tool_cat> b'",
    "'[1, 2] and so on'",
    "'{\"a\": 1}'",
    "'<tool_call>'"
  })
  void whatIsNoCallIsText(String text) {
    var answer = withTools();
    assertEquals(text, String.join("", shown(answer, text)));
    assertEquals(List.of(), answer.calls());
  }

  @Test
  void textIsShownAsItComes() {
    List<String> pieces = shown(withTools(), "To be, or not to be <that>");
    assertEquals("To be, or not to be <that>", String.join("", pieces));
    assertEquals("To", pieces.getFirst());
  }
}
