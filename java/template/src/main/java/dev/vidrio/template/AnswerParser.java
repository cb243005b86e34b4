package dev.vidrio.template;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * Parses tool calls in a model's response, in the formats that most models are trained with:
 *
 * <ul>
 *   <li>{@code <tool_call>{"name": …, "arguments": …}</tool_call>}, any number of them (Hermes 2
 *       Pro, Qwen 2.5 and 3, SmolLM3)
 *   <li>{@code [TOOL_CALLS][{"name": …, "arguments": …}]} (Mistral)
 *   <li>{@code <|tool_call>call:name{key:value}<tool_call|>}, any number of them (Gemma 4)
 *   <li>the whole response as such an object or a list of them, with {@code parameters} instead of
 *       {@code arguments} for Llama, optionally after {@code <|python_tag|>}. Its first key is one
 *       of these, {@code id} or {@code type}, so that other JSON is recognized as text at its
 *       beginning
 * </ul>
 *
 * <p>Everything else is text; {@link ChatTemplate#requireTools} rejects templates with other
 * formats. Reasoning ({@link ReasoningMarkers}) and channels ({@link HarmonyParser}) must have been
 * removed before. The methods are thread-safe.
 *
 * @see "docs/server.md"
 */
public final class AnswerParser {
  /** Begins a call within a response. */
  public static final String OPEN = "<tool_call>";

  /** Ends a call. */
  public static final String CLOSE = "</tool_call>";

  private static final String LIST = "[TOOL_CALLS]";

  private static final String GEMMA_OPEN = "<|tool_call>";
  private static final String GEMMA_CLOSE = "<tool_call|>";

  /** The markers that begin calls after other text. */
  public static final List<String> MARKS = List.of(OPEN, LIST, GEMMA_OPEN);

  private static final String PYTHON_TAG = "<|python_tag|>";

  /** The markers of which none occurs in a response that is text. */
  public static final List<String> MARKS_AND_TAG = List.of(OPEN, LIST, GEMMA_OPEN, PYTHON_TAG);

  /** The JSON keys of which every call has one. */
  public static final List<String> ARGUMENTS = List.of("\"arguments\"", "\"parameters\"");

  /** The first keys of a response that is a call as a whole. */
  private static final List<String> KEYS =
      List.of("\"name\"", "\"arguments\"", "\"parameters\"", "\"id\"", "\"type\"");

  /** The beginning of an object up to its arguments. */
  private static final Pattern BEGUN =
      Pattern.compile(
          "(\\[\\s*)?\\{\\s*(\"name\"\\s*:\\s*\"[^\"]*\"\\s*,\\s*)?\"(arguments|parameters)\"\\s*:");

  /** A template's instruction to respond with the JSON object of a call, as in Llama 3. */
  private static final Pattern INSTRUCTION =
      Pattern.compile("\\{\\s*\"name\"\\s*:[^{}]{1,80},\\s*\"(arguments|parameters)\"\\s*:");

  private AnswerParser() {}

  /** Returns whether the source of a template shows a format of calls that can be parsed. */
  static boolean describesCalls(String source) {
    return MARKS_AND_TAG.stream().anyMatch(source::contains)
        || source.contains(ReasoningMarkers.HARMONY.open())
        || INSTRUCTION.matcher(source).find();
  }

  /**
   * Parses a complete response.
   *
   * @param text the response without special tokens, which is the content if there is no call
   * @param marked the response with special tokens
   * @return the assistant message, with content and tool calls
   */
  public static ChatMessage parse(String text, String marked) {
    // First, since the strings of a call may hold what marks calls elsewhere.
    String whole = marked.strip().replace(PYTHON_TAG, "");
    List<ToolCall> calls = new ArrayList<>(mayBeWhole(whole) ? calls(whole) : List.of());
    String content = "";
    int list = marked.indexOf(LIST);
    if (calls.isEmpty() && list >= 0) {
      content = marked.substring(0, list);
      calls.addAll(calls(marked.substring(list + LIST.length())));
    } else if (calls.isEmpty() && marked.contains(OPEN)) {
      content = marked.substring(0, marked.indexOf(OPEN));
      between(marked, OPEN, CLOSE).forEach(call -> calls.addAll(calls(call)));
    } else if (calls.isEmpty() && marked.contains(GEMMA_OPEN)) {
      content = marked.substring(0, marked.indexOf(GEMMA_OPEN));
      between(marked, GEMMA_OPEN, GEMMA_CLOSE)
          .forEach(call -> calls.addAll(calls(GemmaCalls.toJson(call))));
    }
    return calls.isEmpty()
        ? ChatMessage.assistant(text)
        : ChatMessage.assistant(content.isBlank() ? null : content.strip(), null, calls);
  }

  /** Returns the texts between markers; the last closing marker may be missing. */
  private static List<String> between(String text, String open, String close) {
    List<String> parts = new ArrayList<>();
    int end = 0;
    for (int i = text.indexOf(open); i >= 0; i = text.indexOf(open, end)) {
      int closed = text.indexOf(close, i);
      end = closed < 0 ? text.length() : closed;
      parts.add(text.substring(i + open.length(), end));
    }
    return parts;
  }

  /**
   * Returns whether a partial response contains a call or may turn out to be one.
   *
   * @param marked the partial response with special tokens
   */
  public static boolean mayBeCall(CharSequence marked) {
    String whole = marked.toString().stripLeading();
    return whole.startsWith("<|") || mayBeWhole(whole) || MARKS.stream().anyMatch(whole::contains);
  }

  /** Returns whether a partial text may turn out to be the object of a call, or a list of them. */
  private static boolean mayBeWhole(String begun) {
    String rest = begun;
    for (String bracket : List.of("[", "{")) {
      rest = (rest.startsWith(bracket) ? rest.substring(1) : rest).stripLeading();
    }
    String key = rest;
    boolean isJson = begun.isEmpty() || begun.startsWith("{") || begun.startsWith("[");
    return isJson
        && KEYS.stream().anyMatch(known -> known.startsWith(key) || key.startsWith(known));
  }

  /**
   * Returns whether a truncated response is the beginning of a call's object, or of a list of them.
   * A response with no more than a name may be other JSON.
   *
   * @param marked the truncated response with special tokens
   */
  public static boolean beginsWhole(CharSequence marked) {
    String whole = marked.toString().strip();
    return whole.startsWith(PYTHON_TAG) || BEGUN.matcher(whole).lookingAt();
  }

  /** Returns the calls of a JSON object or list; empty if the text is something else. */
  private static List<ToolCall> calls(String json) {
    List<ToolCall> calls = new ArrayList<>();
    try {
      @Nullable Object tree = JsonMapper.shared().readValue(json, Object.class);
      for (Object node : tree instanceof List<?> list ? list : Arrays.asList(tree)) {
        if (!(node instanceof Map<?, ?> map)
            || !(map.get("name") instanceof String name)
            || !(arguments(map) instanceof Map<?, ?> arguments)) {
          return List.of();
        }
        calls.add(ToolCall.of(map.get("id"), name, arguments));
      }
      return calls;
    } catch (JacksonException | InvalidInputException e) {
      return List.of();
    }
  }

  private static @Nullable Object arguments(Map<?, ?> call) {
    Object arguments = call.get("arguments");
    return arguments == null ? call.get("parameters") : arguments;
  }
}
