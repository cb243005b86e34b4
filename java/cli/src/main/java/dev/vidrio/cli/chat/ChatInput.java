package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.Terminal;
import org.jspecify.annotations.Nullable;

/** Where the lines of a conversation come from. */
interface ChatInput extends AutoCloseable {
  /**
   * Asks for a message, which may have several lines.
   *
   * @return what the user typed; empty where Ctrl-C gave it up; null where the input has ended
   */
  @Nullable String read(String prompt);

  @Override
  void close();

  /**
   * A line that can be edited, where input and output are a terminal that can; else plain lines.
   *
   * @param interrupted is run, on a thread of its own, for a Ctrl-C while nothing is asked for
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
