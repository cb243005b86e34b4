package dev.vidrio.template;

import dev.vidrio.error.ModelException;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.template.call.ToolCallReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/**
 * Determines the format of the tool calls of a template's model. A model writes calls as its
 * template writes those of earlier turns, so a call with a known name and known arguments is
 * rendered, and the first format by which it can be read from the rendered text is the model's.
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

  private static final ChatOptions WITHOUT_TOOLS =
      ChatOptions.builder().addGenerationPrompt(false).bosToken("<s>").eosToken("</s>").build();

  private static final ParameterTypes TYPES = new ParameterTypes(List.of(TOOL));

  /** A template's instruction to respond with the JSON object of a call, as in Llama 3. */
  private static final Pattern INSTRUCTION =
      Pattern.compile("\\{\\s*\"name\"\\s*:[^{}]{1,80},\\s*\"(arguments|parameters)\"\\s*:");

  private static final ChatMessage QUESTION = ChatMessage.user("probe question");

  private ToolCallProbe() {}

  /** Returns the format that a template's source shows, for templates that do not render calls. */
  static Optional<ToolCallFormat> shown(String source) {
    if (source.contains(ReasoningMarkers.HARMONY.open())) {
      return Optional.of(ToolCallFormat.HARMONY);
    }
    return ToolCallFormat.known().stream()
        .filter(
            format ->
                format.marks().isEmpty()
                    ? INSTRUCTION.matcher(source).find()
                    : format.signs().stream().anyMatch(source::contains))
        .findFirst();
  }

  /**
   * Returns the format of the calls that a template renders.
   *
   * @param shown the format that its source shows, which decides for templates that do not render
   *     calls
   */
  static Optional<ToolCallFormat> format(ChatTemplate template, Optional<ToolCallFormat> shown) {
    try {
      ChatOptions options = template.reads("tools") ? OPTIONS : WITHOUT_TOOLS;
      String asked = template.render(List.of(QUESTION), options);
      String answered = render(template, options, ChatMessage.assistant(ANSWER));
      List<List<String>> turns = new ArrayList<>();
      for (ToolCall call : CALLS) {
        String called = render(template, options, ChatMessage.assistant(null, null, List.of(call)));
        String turn = called.substring(commonPrefix(asked, called));
        if (!turn.contains(NAME)) {
          return shown;
        }
        turns.add(candidates(turn, called, answered));
      }
      return ToolCallFormat.known().stream()
          .filter(
              format ->
                  IntStream.range(0, CALLS.size())
                      .allMatch(i -> isRead(turns.get(i), CALLS.get(i), format)))
          .findFirst()
          .or(() -> isHarmony(turns) ? Optional.of(ToolCallFormat.HARMONY) : Optional.empty());
    } catch (ModelException e) {
      // The conversation after a call could not be rendered either.
      return template.reads("tools") ? Optional.empty() : shown;
    }
  }

  private static boolean isHarmony(List<List<String>> turns) {
    return IntStream.range(0, CALLS.size())
        .allMatch(
            i ->
                turns.get(i).stream()
                    .filter(HarmonyParser::begins)
                    .anyMatch(
                        text -> {
                          HarmonyParser parser = new HarmonyParser(TYPES);
                          parser.accept(text);
                          return isCall(parser.finish(false).toolCalls(), CALLS.get(i));
                        }));
  }

  private static String render(ChatTemplate template, ChatOptions options, ChatMessage answer) {
    return template.render(List.of(QUESTION, answer), options);
  }

  /**
   * Returns candidates for the text that the model generates: the whole turn, the turn from where
   * it differs from that of an answer without calls, and that without the marks that end both
   * turns.
   */
  private static List<String> candidates(String turn, String called, String answered) {
    String text = called.substring(commonPrefix(called, answered));
    int end = commonSuffix(text, answered);
    return List.of(turn, text, text.substring(0, text.length() - end));
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

  private static boolean isRead(List<String> candidates, ToolCall call, ToolCallFormat format) {
    return candidates.stream()
        .filter(text -> format.marks().isEmpty() || text.contains(format.marks().getFirst()))
        .anyMatch(
            text -> {
              var reader = new ToolCallReader(format, TYPES, true);
              reader.accept(text);
              reader.finish(false);
              List<ToolCall> calls =
                  reader.calls().stream().flatMap(each -> ToolCall.of(each).stream()).toList();
              return isCall(calls, call);
            });
  }

  private static boolean isCall(List<ToolCall> calls, ToolCall call) {
    return calls.size() == 1
        && calls.getFirst().name().equals(call.name())
        && calls.getFirst().arguments().equals(call.arguments());
  }
}
