package dev.vidrio.template;

import dev.vidrio.template.value.JsonTree;
import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of a chat template other than the messages.
 *
 * <p>{@link #DEFAULT} suits a plain conversation; use {@link #builder()} to add tools or to set the
 * template's variables. Instances are immutable.
 *
 * @param addGenerationPrompt if true, the prompt ends with the beginning of the assistant's turn,
 *     so that the model responds
 * @param tools the tools that the model may call, each as in OpenAI's API: {@code {"type":
 *     "function", "function": {"name": …, "description": …, "parameters": JSON schema}}}
 * @param variables values for the template's own variables, such as {@code enable_thinking}; a name
 *     that the template does not {@linkplain ChatTemplate#variables read} is rejected
 * @param bosToken the text of the BOS token, or null if the model has none
 * @param eosToken the text of the EOS token, or null if the model has none
 * @param clock the time and zone of the date that templates print
 */
public record ChatOptions(
    boolean addGenerationPrompt,
    List<Map<String, @Nullable Object>> tools,
    Map<String, @Nullable Object> variables,
    @Nullable String bosToken,
    @Nullable String eosToken,
    Clock clock) {
  /** A generation prompt, no tools, variables or tokens, and the system clock. */
  public static final ChatOptions DEFAULT = builder().build();

  /**
   * Copies tools and variables.
   *
   * @throws IllegalArgumentException if they contain a value that is not JSON
   */
  public ChatOptions {
    tools = tools.stream().map(tool -> JsonTree.copy("tool", tool)).toList();
    variables = JsonTree.copy("template variables", variables);
  }

  /** Returns a builder initialized with {@link #DEFAULT}. */
  public static Builder builder() {
    return new Builder();
  }

  /** Builds options; every method returns this builder. */
  public static final class Builder {
    private boolean addGenerationPrompt = true;
    private final List<Map<String, @Nullable Object>> tools = new ArrayList<>();
    private final Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    private @Nullable String bosToken;
    private @Nullable String eosToken;
    private Clock clock = Clock.system(ZoneId.systemDefault());

    private Builder() {}

    /** Sets whether the prompt ends with the beginning of the assistant's turn. */
    public Builder addGenerationPrompt(boolean add) {
      addGenerationPrompt = add;
      return this;
    }

    /** Adds a tool in the form of {@link ChatOptions#tools}. */
    public Builder tool(Map<String, ?> tool) {
      tools.add(new LinkedHashMap<>(tool));
      return this;
    }

    /** Sets a variable of the template to a JSON value. */
    public Builder variable(String name, @Nullable Object value) {
      variables.put(name, value);
      return this;
    }

    /** Sets the text of the BOS token. */
    public Builder bosToken(@Nullable String token) {
      bosToken = token;
      return this;
    }

    /** Sets the text of the EOS token. */
    public Builder eosToken(@Nullable String token) {
      eosToken = token;
      return this;
    }

    /** Sets the clock. */
    public Builder clock(Clock newClock) {
      clock = newClock;
      return this;
    }

    /** Returns the options. */
    public ChatOptions build() {
      return new ChatOptions(addGenerationPrompt, tools, variables, bosToken, eosToken, clock);
    }
  }
}
