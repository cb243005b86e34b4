package dev.vidrio.cli.chat;

import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * A conversation in an engine. Every turn submits the whole conversation; the engine finds earlier
 * turns in its prefix cache.
 */
public final class EngineConversation implements Conversation {
  private final ChatFormat format;
  private final ChatOptions template;
  private final BiFunction<int[], GenerationOptions, Answer> generator;
  private GenerationOptions options;
  private List<ChatMessage> messages = List.of();
  private int[] prompt = {};

  /**
   * Creates a conversation without messages.
   *
   * @param generator answers a prompt
   */
  public EngineConversation(
      ChatFormat format,
      ChatOptions template,
      GenerationOptions options,
      BiFunction<int[], GenerationOptions, Answer> generator) {
    this.format = format;
    this.template = template;
    this.options = options;
    this.generator = generator;
  }

  @Override
  public List<ChatMessage> messages() {
    return messages;
  }

  @Override
  public void setMessages(List<ChatMessage> conversation) {
    messages = List.copyOf(conversation);
  }

  @Override
  public GenerationOptions options() {
    return options;
  }

  @Override
  public void setOptions(GenerationOptions next) {
    options = next;
  }

  @Override
  public Answer send(ChatMessage... more) {
    List<ChatMessage> conversation = new ArrayList<>(messages);
    Collections.addAll(conversation, more);
    int[] tokens = format.encode(conversation, template);
    Answer answer =
        generator.apply(
            tokens, options.withGrammar(format.afterReasoning(tokens, options.grammar())));
    prompt = tokens;
    return new Turn(answer, conversation);
  }

  @Override
  public ChatAnswer newAnswer() {
    return format.newAnswer(prompt, template.tools());
  }

  /** Does nothing, since the engine belongs to the caller. */
  @Override
  public void close() {}

  /** An answer with the messages before it. */
  private final class Turn implements Answer {
    private final Answer answer;
    private final List<ChatMessage> conversation;
    private boolean ended;

    Turn(Answer answer, List<ChatMessage> conversation) {
      this.answer = answer;
      this.conversation = conversation;
    }

    @Override
    public Iterator<GeneratedToken> tokens() {
      return answer.tokens();
    }

    @Override
    public GenerationResult result() {
      GenerationResult whole = answer.result();
      if (!ended) {
        ended = true;
        conversation.add(newAnswer().read(whole));
        messages = List.copyOf(conversation);
      }
      return whole;
    }

    @Override
    public void cancel() {
      answer.cancel();
    }

    @Override
    public @Nullable Drafts drafts() {
      return answer.drafts();
    }

    @Override
    public void close() {
      answer.close();
    }
  }
}
