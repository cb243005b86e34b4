package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.model.ChatAnswer;
import dev.vidrio.model.Generator.Finish;
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

  /** Takes a piece of the text, and its token where that is known, as {@link ChatAnswer} does. */
  public void accept(int token, String piece) {
    show(answer.accept(token, piece));
  }

  /**
   * Shows what was held back, ends the line, and returns the message.
   *
   * @param reason why the answer has ended
   */
  public ChatMessage finish(Finish reason) {
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
