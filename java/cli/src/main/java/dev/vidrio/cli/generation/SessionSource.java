package dev.vidrio.cli.generation;

import dev.vidrio.cli.chat.Answer;
import dev.vidrio.cli.chat.Conversation;
import dev.vidrio.cli.chat.SessionConversation;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatOptions;

/** Answers in sessions, without drafts. */
public record SessionSource(Model model, SessionOptions session) implements AnswerSource {
  @Override
  public Answer generate(int[] prompt, GenerationOptions options) {
    return Answer.of(model.generate(prompt, options, session));
  }

  @Override
  public Conversation chat(ChatFormat format, ChatOptions template, GenerationOptions options) {
    return new SessionConversation(model.newChat(template, options, session));
  }

  /** Does nothing, since each answer has a session of its own. */
  @Override
  public void close() {}
}
