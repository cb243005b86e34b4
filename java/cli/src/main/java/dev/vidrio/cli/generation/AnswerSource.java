package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.Answer;
import dev.vidrio.cli.chat.Conversation;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.template.ChatOptions;

/** Generates the answers of a model, one at a time. */
public interface AnswerSource extends AutoCloseable {
  /** Starts to answer a prompt. */
  Answer generate(int[] prompt, GenerationOptions options);

  /** Opens a conversation, which the caller closes. */
  Conversation chat(ChatFormat format, ChatOptions template, GenerationOptions options);

  @Override
  void close();
}
