package dev.vidrio.cli.chat;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.template.ChatMessage;
import java.util.List;

/** The messages of a chat, which a model answers turn by turn. */
public interface Conversation extends AutoCloseable {
  /** Returns the messages, including the answers of the model. */
  List<ChatMessage> messages();

  /** Replaces the messages. */
  void setMessages(List<ChatMessage> messages);

  /** Returns the options of the next answers. */
  GenerationOptions options();

  /** Sets the options of the next answers. */
  void setOptions(GenerationOptions options);

  /**
   * Adds messages and answers them. The answer is a message when its {@linkplain Answer#result
   * result} has been returned.
   *
   * @throws InvalidInputException if the conversation does not fit the context; it is unchanged
   */
  Answer send(ChatMessage... more);

  /** Returns a reader that splits the last requested answer into content, reasoning and calls. */
  ChatAnswer newAnswer();

  @Override
  void close();
}
