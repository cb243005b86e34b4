package dev.vidrio.cli;

import dev.vidrio.model.Model;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ChatOptions;
import dev.vidrio.model.template.ChatTemplate;
import dev.vidrio.model.tokenizer.EncodeOptions;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** How a chat model wants a conversation as tokens: its own template. */
final class ChatFormat {
  private static final String KEY = "tokenizer.chat_template";

  private final Tokenizer tokenizer;
  private final ChatTemplate template;

  private ChatFormat(Tokenizer tokenizer, ChatTemplate template) {
    this.tokenizer = tokenizer;
    this.template = template;
  }

  /** The format of a model that has one. */
  static Optional<ChatFormat> of(Model model) {
    return model
        .gguf()
        .metadata()
        .optionalString(KEY)
        .map(source -> ChatTemplate.parse(model.name() + ": key '" + KEY + "'", source))
        .map(template -> new ChatFormat(model.tokenizer(), template));
  }

  /** The tokens of a conversation up to where the model's answer begins. */
  int[] encode(List<ChatMessage> messages) {
    ChatOptions options =
        ChatOptions.builder()
            .addGenerationPrompt(true)
            .bosToken(piece(tokenizer.bos()))
            .eosToken(piece(tokenizer.eos()))
            .build();
    String text = template.render(messages, options);
    // The template writes the beginning token itself.
    return tokenizer.encode(text, EncodeOptions.DEFAULT.withAddBosEos(false));
  }

  private @Nullable String piece(OptionalInt token) {
    return token.isPresent() ? tokenizer.piece(token.getAsInt()) : null;
  }
}
