package dev.vidrio.cli.chat;

import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.template.ChatMessage;
import java.util.List;

/**
 * A conversation in a session.
 *
 * @param chat the conversation; closed with this one
 */
public record SessionConversation(Chat chat) implements Conversation {
  @Override
  public List<ChatMessage> messages() {
    return chat.messages();
  }

  @Override
  public void setMessages(List<ChatMessage> messages) {
    chat.setMessages(messages);
  }

  @Override
  public GenerationOptions options() {
    return chat.options();
  }

  @Override
  public void setOptions(GenerationOptions options) {
    chat.setOptions(options);
  }

  @Override
  public Answer send(ChatMessage... more) {
    return Answer.of(chat.send(more));
  }

  @Override
  public ChatAnswer newAnswer() {
    return chat.newAnswer();
  }

  @Override
  public void close() {
    chat.close();
  }
}
