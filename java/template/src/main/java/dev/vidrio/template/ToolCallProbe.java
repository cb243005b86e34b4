package dev.vidrio.template;

import dev.vidrio.error.ModelException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Determines whether the tool calls of a template's model can be parsed. A model writes calls as
 * its template writes those of earlier turns, so a call with a known name and known arguments is
 * rendered, and must be parsed from the rendered text.
 */
final class ToolCallProbe {
  /** An id of nine letters and digits, which Mistral's templates require. */
  private static final String ID = "call00001";

  private static final String NAME = "probe_tool";

  /** Calls with strings and other values: formats that lose types need the schema to be parsed. */
  private static final List<ToolCall> CALLS =
      List.of(
          new ToolCall(ID, NAME, Map.of("probe_text", "probe value")),
          new ToolCall(ID, NAME, Map.of("probe_count", 7, "probe_flag", true)));

  private static final String ANSWER = "§probe answer§";

  private static final Map<String, Object> TOOL =
      JsonMapper.shared()
          .readValue(
              """
              {"type": "function", "function": {
                "name": "probe_tool", "description": "Probes.", "parameters": {
                  "type": "object", "required": [], "properties": {
                    "probe_text": {"type": "string", "description": "A value."},
                    "probe_count": {"type": "integer", "description": "A value."},
                    "probe_flag": {"type": "boolean", "description": "A value."}}}}}
              """,
              new TypeReference<>() {});

  private static final ChatOptions OPTIONS =
      ChatOptions.builder()
          .addGenerationPrompt(false)
          .tool(TOOL)
          .bosToken("<s>")
          .eosToken("</s>")
          .build();

  private static final ChatMessage QUESTION = ChatMessage.user("probe question");

  private ToolCallProbe() {}

  /**
   * Returns whether the calls can be parsed.
   *
   * @param instructs whether the template's source shows a supported format, which decides for
   *     templates that do not render calls
   */
  static boolean parses(ChatTemplate template, boolean instructs) {
    try {
      String asked = template.render(List.of(QUESTION), OPTIONS);
      String answered = render(template, ChatMessage.assistant(ANSWER));
      for (ToolCall call : CALLS) {
        String called = render(template, ChatMessage.assistant(null, null, List.of(call)));
        String turn = called.substring(commonPrefix(asked, called));
        if (!turn.contains(NAME)) {
          return instructs;
        }
        if (candidates(turn, called, answered).noneMatch(text -> isParsed(text, call))) {
          return false;
        }
      }
      return true;
    } catch (ModelException e) {
      // The conversation after a call could not be rendered either.
      return false;
    }
  }

  private static String render(ChatTemplate template, ChatMessage answer) {
    return template.render(List.of(QUESTION, answer), OPTIONS);
  }

  /**
   * Returns texts of which one is what the model generates: the whole turn, the turn from where it
   * differs from that of an answer without calls, and that without the marks that end both turns.
   */
  private static Stream<String> candidates(String turn, String called, String answered) {
    String text = called.substring(commonPrefix(called, answered));
    int end = commonSuffix(text, answered);
    return Stream.of(turn, text, text.substring(0, text.length() - end));
  }

  private static int commonPrefix(String a, String b) {
    int length = Math.min(a.length(), b.length());
    int mismatch = Arrays.mismatch(a.toCharArray(), b.toCharArray());
    return mismatch < 0 ? length : mismatch;
  }

  private static int commonSuffix(String a, String b) {
    return commonPrefix(
        new StringBuilder(a).reverse().toString(), new StringBuilder(b).reverse().toString());
  }

  private static boolean isParsed(String text, ToolCall call) {
    ChatMessage message;
    if (HarmonyParser.begins(text)) {
      HarmonyParser parser = new HarmonyParser(true);
      parser.accept(text);
      message = parser.finish(false);
    } else {
      message = AnswerParser.parse(text, text);
    }
    List<ToolCall> calls = message.toolCalls();
    return calls.size() == 1
        && calls.getFirst().name().equals(call.name())
        && calls.getFirst().arguments().equals(call.arguments());
  }
}
