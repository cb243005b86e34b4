package dev.vidrio.model.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.Model;
import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.testfiles.ScriptedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.ToolCall;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ReadCall;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.tokenizer.EncodeOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests answers that arrive byte by byte, so that marks are split everywhere. */
class ChatAnswerTest {
  private static final String CALL =
      "<tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}</tool_call>";
  private static final ToolCall WEATHER = new ToolCall(null, "weather", Map.of("city", "Köln"));

  /** A tool, for a model that writes calls as Hermes does. */
  private static final ChatAnswer.Tools TOOLS =
      new ChatAnswer.Tools(
          ToolCallFormat.HERMES,
          new ParameterTypes(List.of(Map.of("function", Map.of("name", "weather")))),
          false);

  @TempDir private static Path directory;
  private static Model model;

  private @Nullable ReasoningMarkers marks;
  private boolean begun;

  @BeforeAll
  static void open() throws IOException {
    model = Model.open(ScriptedModel.write(directory.resolve("scripted.gguf")));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private ChatAnswer newAnswer(boolean tools) {
    return new ChatAnswer(model.tokenizer(), marks, begun, tools ? TOOLS : null);
  }

  /** Passes a text's tokens to an answer and returns the content shown before its end. */
  private static String show(ChatAnswer answer, String text) {
    var decoder = new AnswerDecoder(model.tokenizer(), List.of());
    var shown = new StringBuilder();
    for (int id : tokens(text)) {
      shown.append(answer.accept(decoder.accept(id)));
    }
    return shown.append(answer.accept(decoder.finish())).toString();
  }

  private static int[] tokens(String text) {
    return model.tokenizer().encode(text, EncodeOptions.DEFAULT.withAddBosEos(false));
  }

  /** Returns the message of a text, read incrementally, as a whole and by characters. */
  private ChatMessage answer(String text, boolean tools) {
    var answer = newAnswer(tools);
    String shown = show(answer, text) + answer.finish();
    ChatMessage message = answer.message();
    assertEquals(shown, Objects.requireNonNullElse(message.content(), ""));
    List<Integer> ids = Arrays.stream(tokens(text)).boxed().toList();
    var result = new GenerationResult(text, ids, 1, FinishReason.STOP);
    assertEquals(message, newAnswer(tools).read(result));
    assertEquals(message, answerOfText(text, tools));
    var whole = newAnswer(tools);
    String once = whole.accept(text) + whole.finish();
    assertEquals(message, whole.message());
    assertEquals(once, shown);
    return message;
  }

  /** Returns the message of a text that is passed character by character. */
  private ChatMessage answerOfText(String text, boolean tools) {
    var answer = newAnswer(tools);
    var shown = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      shown.append(answer.accept(text.substring(i, i + 1)));
    }
    shown.append(answer.finish());
    assertEquals(Objects.requireNonNullElse(answer.message().content(), ""), shown.toString());
    return answer.message();
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
        "[1, 2] and so on",
        "a <tool_cat> b",
        "<tool_call>",
        "<|x|>"
      })
  void plainTextIsContent(String text) {
    for (boolean tools : new boolean[] {false, true}) {
      ChatMessage message = answer(text, tools);
      assertEquals(text, message.content());
      assertTrue(message.toolCalls().isEmpty());
    }
  }

  @Test
  void keepsWhiteSpaceThatTextFollows() {
    ChatMessage message = answer(" Before. " + CALL, true);
    assertEquals(" Before.", message.content());
    assertEquals(List.of(WEATHER), message.toolCalls());
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
        "```json\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Köln\"}}\n```"
      })
  void callsAreNotShown(String text) {
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
  void textAfterCallsIsShown() {
    ChatMessage message = answer("I look.\n" + CALL + "\nDone < it.\n" + CALL + "\n", true);
    assertEquals(List.of(WEATHER, WEATHER), message.toolCalls());
    assertEquals("I look.\nDone < it.", message.content());
    assertEquals("Done.", answer("\n" + CALL + "\nDone.", true).content());
  }

  @Test
  void callsOfOtherToolsAreText() {
    String other = CALL.replace("weather", "whether");
    ChatMessage message = answer(other, true);
    assertEquals(other, message.content());
    assertTrue(message.toolCalls().isEmpty());
  }

  @Test
  void argumentsAreKnownWhileTheyAreWritten() {
    var answer = newAnswer(true);
    assertEquals("I look.", show(answer, "I look.\n" + CALL.substring(0, CALL.indexOf("ln"))));
    ReadCall call = answer.calls().getFirst();
    assertEquals("weather", call.name());
    assertEquals("{\"city\":\"Kö", call.arguments().toString());
    assertFalse(call.isComplete());
    assertEquals("", show(answer, CALL.substring(CALL.indexOf("ln"))));
    assertEquals(List.of(call), answer.calls());
    assertTrue(call.isComplete());
    assertEquals("", answer.finish());
    assertEquals(List.of(call), answer.calls());
  }

  /** Some models call from within their reasoning, which then ends there. */
  @Test
  void callsEndReasoningThatIsNotClosed() {
    think("<think>");
    begun = true;
    var answer = newAnswer(true);
    assertEquals("", show(answer, "I look it up.\n" + CALL));
    assertEquals("I look it up.", answer.reasoning().strip());
    assertEquals("", answer.finish());
    assertEquals("", answer.reasoning());
    assertEquals("I look it up.", answer.message().reasoning());
    assertEquals(List.of(WEATHER), answer.message().toolCalls());
    assertFalse(answer.endsInReasoning());
    ChatMessage text = answer("A " + CALL + " or </think>not", true);
    assertEquals("A " + CALL + " or", text.reasoning());
    assertTrue(text.toolCalls().isEmpty());
  }

  /** Special tokens may mark calls, and are not content. */
  @Test
  void specialTokensAreNotContent() {
    int special = model.tokenizer().eos().orElseThrow();
    var answer = newAnswer(true);
    var shown = new StringBuilder(answer.accept("I "));
    shown.append(answer.accept(new GeneratedToken(special, "", "<|x|>", null)));
    shown.append(answer.accept("look."));
    shown.append(answer.accept(new GeneratedToken(special, "", "<tool_call>", null)));
    shown.append(answer.accept(CALL.substring("<tool_call>".length())));
    shown.append(answer.accept(new GeneratedToken(special, "", "<|y|>", null)));
    shown.append(answer.finish());
    assertEquals("I look.", shown.toString());
    assertEquals("I look.", answer.message().content());
    assertEquals(List.of(WEATHER), answer.message().toolCalls());
  }

  /** Nothing after a stop string counts, neither text nor calls. */
  @Test
  void stopStringsEndCallsToo() {
    String text = "I look. END " + CALL;
    var decoder = new AnswerDecoder(model.tokenizer(), List.of(" END"));
    var answer = newAnswer(true);
    var shown = new StringBuilder();
    for (int id : tokens(text)) {
      shown.append(answer.accept(decoder.accept(id)));
    }
    shown.append(answer.accept(decoder.finish())).append(answer.finish());
    assertEquals("I look.", shown.toString());
    assertEquals("I look.", answer.message().content());
    assertTrue(answer.message().toolCalls().isEmpty());
  }

  /** JSON that is not a call is content from its first key on. */
  @ParameterizedTest
  @ValueSource(strings = {"{\"city\": \"K", "[1", "[{\"n\"", "{}", "[TOOLS", "{ \"names\""})
  void otherJsonIsShownIncrementally(String text) {
    assertEquals(text, show(newAnswer(true), text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "{", "[", "[ {", "{\"na", "{ \"name\": \"weather\"", "[{\"type\"", "``"})
  void possibleCallsAreHeldBack(String text) {
    var answer = newAnswer(true);
    assertEquals("", show(answer, text));
    assertEquals(text, answer.finish());
  }

  @Test
  void textIsShownAtOnce() {
    var answer = newAnswer(true);
    assertEquals("Glass", show(answer, "Glass"));
    assertFalse(answer.finish().contains("Glass"));
  }

  /** The Harmony format of gpt-oss: analysis, commentary and final channels. */
  @Test
  void harmonyChannelsAreReasoningAndContent() {
    String text =
        "<|channel|>analysis<|message|>They < greet.<|end|><|start|>assistant<|channel|>commentary"
            + "<|message|>Well.<|end|><|start|>assistant<|channel|>final<|message|>Hello <|x|>.";
    for (boolean tools : new boolean[] {false, true}) {
      ChatMessage message = answer(text, tools);
      assertEquals("Well.\n\nHello <|x|>.", message.content());
      assertEquals("They < greet.", message.reasoning());
      assertTrue(message.toolCalls().isEmpty());
    }
  }

  /** The recipient may precede or follow the channel. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "<|channel|>commentary to=functions.weather <|constrain|>json<|message|>",
        "<|start|>assistant to=functions.weather<|channel|>commentary json<|message|>"
      })
  void harmonyRecipientsAreFunctions(String header) {
    String reasoning = "<|channel|>analysis<|message|>Hm.<|end|>";
    ChatMessage message = answer(reasoning + header + "{\"city\": \"Köln\"}<|call|>", true);
    assertEquals(List.of(WEATHER), message.toolCalls());
    assertEquals(null, message.content());
    assertEquals("Hm.", message.reasoning());
    assertEquals("{\"city\": \"K", answer(reasoning + header + "{\"city\": \"K", true).content());
  }

  @Test
  void callMayComeFirst() {
    String text = " to=functions.weather<|channel|>commentary json<|message|>{\"city\": \"Köln\"}";
    assertEquals(List.of(WEATHER), answer(text, true).toolCalls());
    assertEquals("{\"city\": \"Köln\"}", answer(text, false).content());
  }

  /** Reasoning is delivered incrementally too. */
  @Test
  void reasoningIsShownIncrementally() {
    var answer = newAnswer(false);
    assertEquals("", show(answer, "<|channel|>analysis<|message|>One"));
    assertEquals("One", answer.reasoning());
    assertEquals(
        "Two", show(answer, ", yes.<|end|><|start|>assistant<|channel|>final<|message|>Two"));
    assertEquals(", yes.", answer.reasoning());
  }

  /** Reasoning precedes the answer, in marks that most families share. */
  @ParameterizedTest
  @CsvSource({
    "<think>, </think>",
    "[THINK], [/THINK]",
    "<seed:think>, </seed:think>",
    "<|channel>thought, <channel|>"
  })
  void markedReasoningIsReasoning(String open, String close) {
    think(open);
    String thought = open + "\nThey < greet.\n\nSo I greet.\n" + close + "\n\n";
    for (boolean tools : new boolean[] {false, true}) {
      ChatMessage message = answer(thought + "Hello <b>.\n", tools);
      assertEquals("They < greet.\n\nSo I greet.", message.reasoning());
      assertEquals("Hello <b>.\n", message.content());
    }
    ChatMessage called = answer(thought + "I look.\n" + CALL, true);
    assertEquals("They < greet.\n\nSo I greet.", called.reasoning());
    assertEquals("I look.", called.content());
    assertEquals(List.of(WEATHER), called.toolCalls());
    ChatMessage empty = answer(open + "\n\n" + close + "\n\nHello", false);
    assertEquals("Hello", empty.content());
    assertEquals(null, empty.reasoning());
  }

  private void think(String open) {
    marks = ReasoningMarkers.of("{{ '" + open + "' }}").orElseThrow();
  }

  @Test
  void readsElementsOfKimi() {
    marks = ReasoningMarkers.of("{{ open_tag('think') }}").orElseThrow();
    begun = true;
    String response = "<|open|>response<|sep|>Hello<|close|>response<|sep|><|close|>message<|sep|>";
    ChatMessage thoughtful = answer("Hm.<|close|>think<|sep|>" + response, false);
    assertEquals("Hm.", thoughtful.reasoning());
    assertEquals("Hello", thoughtful.content());
    ChatMessage direct = answer(response, false);
    assertEquals(null, direct.reasoning());
    assertEquals("Hello", direct.content());
    ChatMessage partial = answer(response.substring(0, response.length() - 5), false);
    assertEquals("Hello<|close|>message<|", partial.content());
    ChatAnswer answer = newAnswer(false);
    assertEquals("Hello", show(answer, response));
  }

  @Test
  void dropsMarksOfEmptyReasoning() {
    marks = ReasoningMarkers.of("{{ '<|channel>thought' }}").orElseThrow();
    String empty = "<|channel>thought\n<channel|>";
    for (String text :
        List.of(
            empty + "a < b<channel|>",
            "a < b" + empty + "<channel|>",
            "<|channel>" + empty + "a < b")) {
      ChatMessage message = answer(text, false);
      assertEquals("a < b", message.content());
      assertEquals(null, message.reasoning());
    }
  }

  /** Calls within the reasoning are not calls. */
  @Test
  void callMarksInReasoningAreReasoning() {
    think("<think>");
    ChatMessage message = answer("<think>Not " + CALL + "?</think>" + CALL, true);
    assertEquals("Not " + CALL + "?", message.reasoning());
    assertEquals(null, message.content());
    assertEquals(1, message.toolCalls().size());
    ChatMessage text = answer("<think>Not " + CALL + "?</think>No.", true);
    assertEquals("No.", text.content());
    assertTrue(text.toolCalls().isEmpty());
  }

  /** Some templates open the reasoning in the prompt; some models open it again. */
  @ParameterizedTest
  @ValueSource(strings = {"", "\n", "<think>", "\n<think>\n"})
  void promptMayOpenTheReasoning(String more) {
    think("<think>");
    begun = true;
    ChatMessage message = answer(more + "Hm.\n</think>\n\nHello", false);
    assertEquals("Hm.", message.reasoning());
    assertEquals("Hello", message.content());
    ChatMessage cut = answer(more + "Hm. </thi", false);
    assertEquals("Hm. </thi", cut.reasoning());
    assertEquals("", cut.content());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "  ", "<thin", " Glass <think>is</think>.", "<thing>"})
  void textWithoutOpeningMarkIsContent(String text) {
    think("<think>");
    assertEquals(text, answer(text, false).content());
    assertEquals(null, answer(text, true).reasoning());
  }

  @Test
  void countsReasoningTokensIncrementally() {
    think("<think>");
    var answer = newAnswer(false);
    assertFalse(answer.isReasoning());
    assertEquals("", show(answer, "<think>\nOne"));
    assertTrue(answer.isReasoning());
    assertEquals("One", answer.reasoning());
    assertEquals("Two", show(answer, ", yes.\n</think>\n\nTwo"));
    assertFalse(answer.isReasoning());
    assertEquals(", yes.", answer.reasoning());
    int reasoning = tokens("<think>\nOne").length + tokens(", yes.\n</think>").length;
    assertEquals(reasoning, answer.reasoningTokens());
    int first = reasoning + tokens("\n\n").length;
    assertEquals(List.of(first, first + 1, first + 2), answer.newContentTokens());
    assertEquals("!", show(answer, "!"));
    assertEquals(List.of(first + 3), answer.newContentTokens());
  }

  @Test
  void callTokensAreNotContent() {
    var answer = newAnswer(true);
    String before = "I < you: ö!";
    assertEquals(before, show(answer, before + "\n" + CALL));
    assertEquals("", answer.finish());
    List<Integer> places = answer.newContentTokens();
    assertEquals(IntStream.range(0, tokens(before).length).boxed().toList(), places);
  }

  /** Nothing of a call is shown, wherever it is truncated. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        CALL,
        "Let me look.\n\n" + CALL,
        "Look. <tool_call>{\"name\": \"weather\", \"arguments\": {\"city\": \"K<tool\"}}"
      })
  void truncatedCallIsNotShown(String text) {
    String before = answer(text, true).content();
    for (int end = 0; end < text.length(); end++) {
      ChatMessage message = cut(newAnswer(true), text.substring(0, end));
      String content = Objects.requireNonNullElse(message.content(), "").stripTrailing();
      assertTrue(before == null ? content.isEmpty() : before.startsWith(content), content);
    }
  }

  @Test
  void requiredCallIsNeverShown() {
    for (String call : List.of(CALL, CALL.substring("<tool_call>".length()))) {
      for (int end = 0; end < call.length(); end++) {
        ChatAnswer answer = newAnswer(true).withCallsOnly();
        ChatMessage message = cut(answer, call.substring(0, end));
        assertEquals("", Objects.requireNonNullElse(message.content(), ""));
      }
    }
  }

  /** Returns the message of a truncated text. */
  private static ChatMessage cut(ChatAnswer answer, String text) {
    String shown = show(answer, text) + answer.finish(FinishReason.LENGTH);
    assertEquals(Objects.requireNonNullElse(answer.message().content(), ""), shown);
    return answer.message();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"name\": \"weather\", \"arguments\": {\"ci |",
        "[{\"name\": \"weather\", \"parameters\": |",
        "{\"name\": \"Ann\", \"age\": | {\"name\": \"Ann\", \"age\":",
        "{\"name\": \"Ann | {\"name\": \"Ann",
      })
  void truncatedJsonIsACallOnceItHasArguments(String text, @Nullable String content) {
    assertEquals(Objects.requireNonNullElse(content, ""), cut(newAnswer(true), text).content());
  }

  @Test
  void truncatedReasoningIsNotContent() {
    think("<think>");
    String text = "<think>\nHm.\n</think>\n\n";
    for (int end = 1; end <= text.length(); end++) {
      var answer = newAnswer(false);
      assertEquals("", cut(answer, text.substring(0, end)).content());
      assertEquals(end < text.length() - 2, answer.endsInReasoning(), text.substring(0, end));
    }
  }

  @Test
  void truncatedArgumentsAreNotContent() {
    String text = "<|channel|>commentary to=functions.weather json<|message|>{\"city\": \"K";
    assertEquals("", cut(newAnswer(true), text).content());
  }
}
