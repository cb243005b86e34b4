package dev.vidrio.template;

import dev.vidrio.template.call.ReadCall;
import dev.vidrio.template.value.JsonTree;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A model's request to call a tool.
 *
 * <p>Run the tool and send its result back as {@link ChatMessage#tool}, with this {@link #id} if
 * there is one.
 *
 * @param id the id that the tool's result refers to; null if neither model nor server assigned one
 * @param name the tool's name
 * @param arguments the arguments as JSON: maps with string keys, lists, strings, booleans, numbers
 *     and null
 */
public record ToolCall(@Nullable String id, String name, Map<String, @Nullable Object> arguments) {

  /**
   * Copies the arguments.
   *
   * @throws IllegalArgumentException if they contain a value that is not JSON
   */
  public ToolCall {
    arguments = JsonTree.copy("tool call arguments", arguments);
  }

  /** Returns a call that was read in a response; empty if it is not complete. */
  public static Optional<ToolCall> of(ReadCall call) {
    return call.object().map(object -> new ToolCall(call.id(), call.name(), object));
  }

  /** Creates a call from parts of a JSON object. */
  static ToolCall of(@Nullable Object id, String name, Map<?, ?> arguments) {
    Map<String, @Nullable Object> copy = JsonTree.copy("tool call arguments", arguments);
    return new ToolCall(id instanceof String string ? string : null, name, copy);
  }

  /** Returns the form that templates read: OpenAI's, with the arguments as an object. */
  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", "function");
    if (id != null) {
      json.put("id", id);
    }
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", name);
    function.put("arguments", arguments);
    json.put("function", function);
    return json;
  }

  /** Parses the form of {@link #toJson}; empty if the node is something else. */
  static Optional<ToolCall> fromJson(@Nullable Object node) {
    if (!(node instanceof Map<?, ?> call)
        || !(call.get("function") instanceof Map<?, ?> function)
        || !(function.get("name") instanceof String name)
        || !(function.get("arguments") instanceof Map<?, ?> arguments)) {
      return Optional.empty();
    }
    return Optional.of(of(call.get("id"), name, arguments));
  }
}
