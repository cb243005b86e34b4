package dev.vidrio.template;

import dev.vidrio.error.InvalidInputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A message of a conversation.
 *
 * <p>Templates see a message as a JSON object: {@code role}, {@code content}, and fields of
 * particular models, such as {@code reasoning_content}, {@code tool_calls}, {@code tool_call_id}
 * and {@code name}. The factories make the usual messages; {@link #of} takes any.
 *
 * @param fields the object's fields: maps with string keys, lists, strings, booleans, numbers. A
 *     field that is null counts as absent.
 */
public record ChatMessage(Map<String, @Nullable Object> fields) {

  /**
   * Copies the fields.
   *
   * @throws InvalidInputException if {@code role} is missing or no string
   * @throws IllegalArgumentException if the fields hold something that is not JSON
   */
  public ChatMessage {
    Map<String, @Nullable Object> present = new LinkedHashMap<>(fields);
    present.values().removeIf(Objects::isNull);
    fields = JsonTree.copy("message", present);
    if (!(fields.get("role") instanceof String)) {
      throw new InvalidInputException("message", "", "needs a field 'role' with a string");
    }
  }

  /** A message with a role of the model's own choosing and a text. */
  public ChatMessage(String role, String content) {
    this(Map.of("role", role, "content", content));
  }

  /** Instructions for the whole conversation. */
  public static ChatMessage system(String content) {
    return new ChatMessage("system", content);
  }

  /** What the user says. */
  public static ChatMessage user(String content) {
    return new ChatMessage("user", content);
  }

  /** What the model has said. */
  public static ChatMessage assistant(String content) {
    return new ChatMessage("assistant", content);
  }

  /**
   * What the model has said, thought and asked for.
   *
   * @param content the answer, or null if there was none
   * @param reasoning the thoughts before the answer, or null
   * @param toolCalls the tools it asked for
   */
  public static ChatMessage assistant(
      @Nullable String content, @Nullable String reasoning, List<ToolCall> toolCalls) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", "assistant");
    fields.put("content", content);
    fields.put("reasoning_content", reasoning);
    fields.put(
        "tool_calls",
        toolCalls.isEmpty() ? null : toolCalls.stream().map(ToolCall::toJson).toList());
    return new ChatMessage(fields);
  }

  /**
   * What a tool has returned.
   *
   * @param content the result, often as JSON text
   * @param name the tool's name, or null
   * @param toolCallId the {@linkplain ToolCall#id id} of the call, or null
   */
  public static ChatMessage tool(
      String content, @Nullable String name, @Nullable String toolCallId) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("role", "tool");
    fields.put("name", name);
    fields.put("tool_call_id", toolCallId);
    fields.put("content", content);
    return new ChatMessage(fields);
  }

  /**
   * A message from an object as OpenAI's API has it. The arguments of tool calls should be objects;
   * most templates do not take them as text.
   *
   * @throws InvalidInputException if {@code role} is missing or no string
   */
  public static ChatMessage of(Map<String, ?> json) {
    return new ChatMessage(new LinkedHashMap<>(json));
  }

  /** Who speaks. */
  public String role() {
    return (String) Objects.requireNonNull(fields.get("role"));
  }

  /** The tools that an assistant's message asks for; empty where it asks for none. */
  public List<ToolCall> toolCalls() {
    return fields.get("tool_calls") instanceof List<?> calls
        ? calls.stream().flatMap(call -> ToolCall.fromJson(call).stream()).toList()
        : List.of();
  }

  /** The thoughts before the answer, or null if there are none. */
  public @Nullable String reasoning() {
    return fields.get("reasoning_content") instanceof String reasoning ? reasoning : null;
  }

  /** The text, or null if there is none or it is a list of parts. */
  public @Nullable String content() {
    return fields.get("content") instanceof String content ? content : null;
  }
}
