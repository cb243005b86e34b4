package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Interrupt;
import org.jspecify.annotations.Nullable;

/** Lines of standard input; prompts go to standard error. */
final class PlainInput implements ChatInput {
  private final Interrupt interrupt;
  private volatile boolean asks;
  private volatile String asked = "";

  PlainInput(Runnable interrupted) {
    interrupt =
        Interrupt.handle(
            () -> {
              if (asks) {
                System.err.print("\n" + asked);
                System.err.flush();
              } else {
                interrupted.run();
              }
            });
  }

  @Override
  public @Nullable String read(String prompt) {
    asked = prompt;
    asks = true;
    try {
      String message = line(prompt);
      while (message != null && Quotes.areOpen(message)) {
        String more = line(EditedInput.CONTINUED);
        message = more == null ? null : message + "\n" + more;
      }
      return message;
    } finally {
      asks = false;
    }
  }

  private static @Nullable String line(String prompt) {
    System.err.print(prompt);
    System.err.flush();
    return InputOutput.readLine();
  }

  @Override
  public void close() {
    interrupt.close();
  }
}
