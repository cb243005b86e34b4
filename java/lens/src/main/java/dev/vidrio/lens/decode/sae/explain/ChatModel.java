package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.util.List;

/** A model that answers conversations, in this process or on a server. */
@FunctionalInterface
public interface ChatModel {
  /** Maximum number of tokens of an answer. */
  int MAX_TOKENS = 512;

  /**
   * Returns the answer to a conversation, sampled with temperature 0 and without reasoning. It ends
   * after at most {@value #MAX_TOKENS} tokens.
   *
   * @throws IOException if there is no answer
   */
  String answer(List<ChatMessage> messages) throws IOException;
}
