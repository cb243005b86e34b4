package dev.vidrio.model;

import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ChatOptions;
import dev.vidrio.model.template.ChatTemplate;
import dev.vidrio.model.tokenizer.EncodeOptions;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** How a chat model wants a conversation as tokens: its own template and tokenizer. */
public final class ChatFormat {
  private static final String KEY = "tokenizer.chat_template";

  private final String model;
  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final SpecialNames names;

  private ChatFormat(String model, Tokenizer tokenizer, String source) {
    this.model = model;
    this.tokenizer = tokenizer;
    this.template = ChatTemplate.parse(model + ": key '" + KEY + "'", source);
    this.names = new SpecialNames(tokenizer, source);
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
    String text = template.render(messages.stream().map(names::mark).toList(), given(options));
    // The template writes the beginning token itself.
    return tokenizer.encode(SpecialNames.parts(text), EncodeOptions.DEFAULT.withAddBosEos(false));
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
