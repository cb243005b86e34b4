package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ChatTemplate;
import dev.vidrio.template.ThoughtMarks;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Encodes conversations for a chat model, with its own template and tokenizer. */
public final class ChatFormat {
  private static final String KEY = "tokenizer.chat_template";

  /** What OpenAI's API has. */
  private static final List<String> EFFORTS =
      List.of("none", "minimal", "low", "medium", "high", "xhigh", "max");

  /** Variables that say whether a model thinks. */
  private static final List<String> SWITCHES = List.of("enable_thinking", "thinking");

  /** Tokens of which a mark of thoughts and the white space behind it have fewer. */
  private static final int LAST_TOKENS = 32;

  private final String model;
  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final SpecialNames names;
  private final @Nullable ThoughtMarks thoughts;

  private ChatFormat(String model, Tokenizer tokenizer, String source) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.template = ChatTemplate.parse(model + ": key '" + KEY + "'", source);
    this.names = new SpecialNames(tokenizer, source);
    this.thoughts = ThoughtMarks.of(source).orElse(null);
  }

  /**
   * The format of a model, which one that is not made for chat does not have.
   *
   * @throws ModelException when the model's template cannot be read
   */
  public static Optional<ChatFormat> of(Model model) {
    return model
        .gguf()
        .metadata()
        .optionalString(KEY)
        .map(source -> new ChatFormat(model.name(), model.tokenizer(), source));
  }

  /** The template. */
  public ChatTemplate template() {
    return template;
  }

  /** The tokens of a conversation up to where the model's answer begins. */
  public int[] encode(List<ChatMessage> messages) {
    return encode(messages, ChatOptions.DEFAULT);
  }

  /**
   * The tokens of a conversation. A name of a special token in a message or tool, or of a token of
   * turns that the template writes, is text: only the template, and what the model has said, have
   * such tokens.
   *
   * @param options what the template is given; where they name no token that begins or ends a
   *     sequence, the tokenizer's are given
   * @throws InvalidInputException when the template does not take the messages or options
   */
  public int[] encode(List<ChatMessage> messages, ChatOptions options) {
    if (!options.tools().isEmpty() && !template.reads("tools")) {
      throw new InvalidInputException("tools", "", "the chat template of " + model + " takes none");
    }
    List<ChatMessage> marked = messages.stream().map(this::taken).map(names::mark).toList();
    String text = template.render(marked, given(options));
    // The template writes the beginning token itself.
    return tokenizer.encode(SpecialNames.parts(text), EncodeOptions.DEFAULT.withAddBosEos(false));
  }

  /**
   * Before a call, channels hold either a text or a thought; where a message has both, the text.
   */
  private ChatMessage taken(ChatMessage message) {
    String content = message.content();
    boolean both =
        ThoughtMarks.HARMONY.equals(thoughts)
            && message.reasoning() != null
            && content != null
            && !content.isEmpty()
            && !message.toolCalls().isEmpty();
    return both ? ChatMessage.assistant(content, null, message.toolCalls()) : message;
  }

  /**
   * What tells content, reasoning and calls apart in the answer to a prompt.
   *
   * @param tools whether the model was given tools; where it was not, nothing is a call
   */
  public ChatAnswer newAnswer(int[] prompt, boolean tools) {
    return newAnswer(prompt, tools, false);
  }

  /**
   * The same of an answer of whose tokens only the text may be known.
   *
   * @param textOnly whether that is so
   */
  ChatAnswer newAnswer(int[] prompt, boolean tools, boolean textOnly) {
    boolean begun = thoughts != null && thoughts.begunBy(end(prompt));
    return new ChatAnswer(tokenizer, thoughts, begun, tools, textOnly);
  }

  /**
   * The grammar of answers to a prompt whose content keeps to another one, and whose thoughts are
   * free.
   *
   * @param content null for any
   */
  public @Nullable Grammar behindThoughts(int[] prompt, @Nullable Grammar content) {
    if (content == null || thoughts == null || thoughts.endedBy(end(prompt))) {
      return content;
    }
    return content.behindThoughts(thoughts, thoughts.begunBy(end(prompt)));
  }

  /**
   * The variables of the template that say how much the model is to think before it answers. Where
   * a template can only be told whether, it is for everything but {@code none}.
   *
   * @param effort such as {@code none}, {@code low}, {@code medium}, {@code high}
   * @throws InvalidInputException when the template cannot be told
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

  /** The text of a prompt's last tokens. */
  private String end(int[] prompt) {
    int from = Math.max(0, prompt.length - LAST_TOKENS);
    return tokenizer.decode(Arrays.copyOfRange(prompt, from, prompt.length));
  }

  /** What the template is given: tokens where none are named, and names in tools marked. */
  private ChatOptions given(ChatOptions options) {
    String bos = options.bosToken();
    String eos = options.eosToken();
    return new ChatOptions(
        options.addGenerationPrompt(),
        options.tools().stream().map(names::markFields).toList(),
        options.variables(),
        bos == null ? piece(tokenizer.bos()) : bos,
        eos == null ? piece(tokenizer.eos()) : eos,
        options.clock());
  }

  private @Nullable String piece(OptionalInt token) {
    return token.isPresent() ? tokenizer.piece(token.getAsInt()) : null;
  }
}
