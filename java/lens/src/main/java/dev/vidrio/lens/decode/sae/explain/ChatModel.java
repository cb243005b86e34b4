package dev.vidrio.lens.decode.sae.explain;

import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.util.List;

/** A model that answers conversations, in this process or on a server. */
@FunctionalInterface
public interface ChatModel {
  /**
   * Returns the answer to a conversation, sampled with temperature 0.
   *
   * @throws IOException if there is no answer
   */
  String answer(List<ChatMessage> messages) throws IOException;
}
