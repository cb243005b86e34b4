package dev.vidrio.model.chat;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ChatTemplate;
import dev.vidrio.template.ReasoningMarkers;
import dev.vidrio.template.call.ParameterTypes;
import dev.vidrio.template.call.ToolCallFormat;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Encodes conversations for a chat model, with its own template and tokenizer:
 *
 * <pre>{@code
 * ChatFormat format = model.chatFormat().orElseThrow(); // empty: the model has no chat template
 * int[] prompt = format.encode(List.of(ChatMessage.user("What is glass?")));
 * }</pre>
 *
 * <p>{@link #newAnswer} reads what the model generates after such a prompt. Immutable.
 */
public final class ChatFormat {
  private static final String KEY = "tokenizer.chat_template";

  /** The values of OpenAI's {@code reasoning_effort}. */
  private static final List<String> EFFORTS =
      List.of("none", "minimal", "low", "medium", "high", "xhigh", "max");

  /** Template variables that switch reasoning on or off. */
  private static final List<String> SWITCHES = List.of("enable_thinking", "thinking");

  /** An upper bound on the tokens of a reasoning mark and the white space after it. */
  private static final int LAST_TOKENS = 32;

  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final SpecialTokenEscaping escaping;
  private final @Nullable ReasoningMarkers reasoningMarkers;

  private ChatFormat(String model, Tokenizer tokenizer, String source) {
    this.tokenizer = tokenizer;
    this.template = ChatTemplate.parse(model + ": key '" + KEY + "'", source);
    this.escaping = new SpecialTokenEscaping(tokenizer, source);
    this.reasoningMarkers = ReasoningMarkers.of(source).orElse(null);
  }

  /**
   * Returns the format of a model, or empty if it has no chat template. Applications call {@code
   * Model.chatFormat}.
   *
   * @throws ModelException if the template cannot be parsed
   */
  public static Optional<ChatFormat> of(LoadedModel model) {
    return model
        .gguf()
        .metadata()
        .optionalString(KEY)
        .map(source -> new ChatFormat(model.name(), model.tokenizer(), source));
  }

  /** Returns the template. */
  public ChatTemplate template() {
    return template;
  }

  /** Returns whether the model writes reasoning before its answers, or may be asked to. */
  public boolean reasons() {
    return reasoningMarkers != null
        || template.reads("reasoning_effort")
        || SWITCHES.stream().anyMatch(template::reads);
  }

  /** Returns the token ids of a conversation, up to the beginning of the model's answer. */
  public int[] encode(List<ChatMessage> messages) {
    return encode(messages, ChatOptions.DEFAULT);
  }

  /**
   * Returns the token ids of a conversation. Names of special tokens in messages and tools are
   * encoded as plain text; only the template and the model's own messages contain special tokens.
   *
   * @param options the tools and variables of the template; BOS and EOS default to the tokenizer's
   * @throws InvalidInputException if the template rejects the messages or the options
   */
  public int[] encode(List<ChatMessage> messages, ChatOptions options) {
    if (!options.tools().isEmpty()) {
      template.requireTools();
    }
    List<ChatMessage> escaped =
        messages.stream().map(this::withoutBoth).map(escaping::escape).toList();
    String text = template.render(escaped, complete(options));
    // The template writes BOS itself.
    return tokenizer.encode(
        SpecialTokenEscaping.split(text), EncodeOptions.DEFAULT.withAddBosEos(false));
  }

  /**
   * Drops the reasoning of Harmony messages with content and calls: before a call, Harmony renders
   * one or the other.
   */
  private ChatMessage withoutBoth(ChatMessage message) {
    String content = message.content();
    boolean both =
        ReasoningMarkers.HARMONY.equals(reasoningMarkers)
            && message.reasoning() != null
            && content != null
            && !content.isEmpty()
            && !message.toolCalls().isEmpty();
    return both ? ChatMessage.assistant(content, null, message.toolCalls()) : message;
  }

  /**
   * Returns a reader that splits the answer to a prompt into content, reasoning and tool calls.
   *
   * @param tools the tools of the prompt, as in {@link ChatOptions#tools}; if there are none,
   *     nothing is read as a call
   */
  public ChatAnswer newAnswer(int[] prompt, List<Map<String, @Nullable Object>> tools) {
    return newAnswer(prompt, tools, false);
  }

  /**
   * Returns a reader that splits the answer to a prompt into content, reasoning and tool calls.
   *
   * @param tools the tools that may be called; if there are none, nothing is read as a call
   * @param isStrict if true, only calls in the model's own format are read, as {@code
   *     Grammar.answerWithCalls} allows them
   */
  public ChatAnswer newAnswer(
      int[] prompt, List<Map<String, @Nullable Object>> tools, boolean isStrict) {
    boolean begun = reasoningMarkers != null && reasoningMarkers.isOpenAfter(end(prompt));
    ChatAnswer.Tools read =
        tools.isEmpty()
            ? null
            : new ChatAnswer.Tools(toolCallFormat(), new ParameterTypes(tools), isStrict);
    return new ChatAnswer(tokenizer, reasoningMarkers, begun, read);
  }

  /** Returns the format of the model's tool calls; that of Hermes if it is not known. */
  public ToolCallFormat toolCallFormat() {
    return template.toolCallFormat().orElse(ToolCallFormat.HERMES);
  }

  /**
   * Returns the grammar of answers to a prompt that may begin with free reasoning, if the model
   * reasons, and continue with a text of the given grammar.
   *
   * @param content the grammar of the content; null for any text, which returns null
   */
  public @Nullable Grammar afterReasoning(int[] prompt, @Nullable Grammar content) {
    if (content == null
        || reasoningMarkers == null
        || reasoningMarkers.isClosedAfter(end(prompt))) {
      return content;
    }
    return content.afterReasoning(reasoningMarkers, reasoningMarkers.isOpenAfter(end(prompt)));
  }

  /**
   * Returns the template variables for a reasoning effort. If the template only switches reasoning
   * on or off, every effort except {@code none} switches it on.
   *
   * @param effort such as {@code none}, {@code low}, {@code medium}, {@code high}
   * @throws InvalidInputException if the effort is unknown or the template has no such variable
   */
  public Map<String, Object> reasoningEffort(String effort) {
    boolean none = effort.equals("none");
    if (template.reads("reasoning_effort") && !(none && template.reads("enable_thinking"))) {
      return Map.of("reasoning_effort", effort);
    }
    if (!EFFORTS.contains(effort)) {
      throw new InvalidInputException(
          "reasoning effort", effort, "must be one of " + String.join(", ", EFFORTS));
    }
    return SWITCHES.stream()
        .filter(template::reads)
        .findFirst()
        .map(name -> Map.<String, Object>of(name, !none))
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "reasoning effort",
                    effort,
                    "the model's chat template reads no variable for it"));
  }

  /** Returns the template variables that switch reasoning off; none if the template reads none. */
  public Map<String, Object> withoutReasoning() {
    return SWITCHES.stream()
        .filter(template::reads)
        .collect(Collectors.toMap(name -> name, name -> false));
  }

  /** Returns whether reasoning is open at the end of a prompt that the template rendered. */
  public boolean opensReasoning(String prompt) {
    return reasoningMarkers != null && reasoningMarkers.isOpenAfter(prompt);
  }

  /** Returns the text of the last tokens of a prompt. */
  private String end(int[] prompt) {
    int from = Math.max(0, prompt.length - LAST_TOKENS);
    return tokenizer.decode(Arrays.copyOfRange(prompt, from, prompt.length));
  }

  /** Returns the options with default BOS and EOS, and escaped names in tools. */
  private ChatOptions complete(ChatOptions options) {
    String bos = options.bosToken();
    String eos = options.eosToken();
    return new ChatOptions(
        options.addGenerationPrompt(),
        options.tools().stream().map(escaping::escapeFields).toList(),
        options.variables(),
        bos == null ? piece(tokenizer.bos()) : bos,
        eos == null ? piece(tokenizer.eos()) : eos,
        options.clock());
  }

  private @Nullable String piece(OptionalInt token) {
    return token.isPresent() ? tokenizer.piece(token.getAsInt()) : null;
  }
}
