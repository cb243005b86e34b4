package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.Terminal;
import org.jspecify.annotations.Nullable;

/** The source of the user's messages. */
interface ChatInput extends AutoCloseable {
  /**
   * Prompts for a message, which may have several lines.
   *
   * @return the message; empty after Ctrl-C; null at the end of input
   */
  @Nullable String read(String prompt);

  @Override
  void close();

  /**
   * Opens an input with line editing, or with plain lines if input or output is not a terminal.
   *
   * @param interrupted runs, on another thread, at Ctrl-C while no message is read
   */
  static ChatInput open(Runnable interrupted) {
    boolean edits =
        Terminal.IN.isTerminal()
            && Terminal.OUT.isTerminal()
            && !"dumb".equals(System.getenv("TERM"));
    ChatInput edited = edits ? EditedInput.open(interrupted) : null;
    return edited == null ? new PlainInput(interrupted) : edited;
  }
}
