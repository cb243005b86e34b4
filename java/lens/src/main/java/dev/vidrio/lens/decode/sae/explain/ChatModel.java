package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.util.List;

/** A model that answers conversations, in this process or on a server. */
@FunctionalInterface
public interface ChatModel {
  /** Maximum number of tokens of an answer. */
  int MAX_TOKENS = 512;

  /** Number of likeliest tokens at a position of an answer. */
  int CHOICES = 5;

  /**
   * Returns the answer to a conversation, sampled with temperature 0 and without reasoning. It ends
   * after at most {@value #MAX_TOKENS} tokens.
   *
   * @throws IOException if there is no answer
   */
  String answer(List<ChatMessage> messages) throws IOException;

  /**
   * An answer with its tokens.
   *
   * @param tokens all tokens of the answer; none if the model does not report them
   */
  record Answer(String text, List<Token> tokens) {
    public Answer {
      tokens = List.copyOf(tokens);
    }
  }

  /**
   * A token of an answer.
   *
   * @param top the likeliest tokens at its position
   */
  record Token(String text, List<Choice> top) {
    public Token {
      top = List.copyOf(top);
    }
  }

  /**
   * A token that may be chosen.
   *
   * @param logProbability in nats
   */
  record Choice(String text, double logProbability) {}

  /**
   * Returns the answer as {@link #answer} does, with its tokens and the {@value #CHOICES} likeliest
   * tokens at each position, if the model reports them.
   *
   * @throws IOException if there is no answer
   */
  default Answer answerWithTokens(List<ChatMessage> messages) throws IOException {
    return new Answer(answer(messages), List.of());
  }
}
