package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.template.ChatMessage;

/**
 * Shows a chat model's answer as it comes: its text on standard output, and what the model thinks
 * on standard error, dim where that is a terminal.
 */
public final class AnswerPrinter {
  private static final String DIM = "\033[2m";
  private static final String PLAIN = "\033[0m";

  private final ChatAnswer answer;
  private final boolean dims = Terminal.ERR.isTerminal() && System.getenv("NO_COLOR") == null;
  private boolean thinks;

  /** Shows an answer from its beginning on. */
  public AnswerPrinter(ChatAnswer answer) {
    this.answer = answer;
  }

  /** Prints what the next token adds to the reasoning or the content. */
  public void accept(GeneratedToken token) {
    show(answer.accept(token));
  }

  /**
   * Shows what was held back, ends the line, and returns the message.
   *
   * @param reason why the answer has ended
   */
  public ChatMessage finish(FinishReason reason) {
    show(answer.finish(reason));
    if (thinks) {
      System.err.println();
    }
    System.out.println();
    return answer.message();
  }

  private void show(String text) {
    String reasoning = answer.reasoning();
    if (!reasoning.isEmpty()) {
      thinks = true;
      String shown = Escapes.shown(reasoning, Terminal.ERR);
      System.err.print(dims ? DIM + shown + PLAIN : shown);
      System.err.flush();
    }
    if (thinks && !text.isEmpty()) {
      thinks = false;
      System.err.println("\n");
    }
    System.out.print(Escapes.shown(text));
  }
}
