package dev.vidrio.cli;

import picocli.AutoComplete;
import picocli.CommandLine.Command;

/** {@code vidrio completion}. */
@Command(
    name = "completion",
    description = {
      "Prints a script by which bash or zsh complete commands, options and models.",
      "To use it: source <(vidrio completion)"
    })
final class CompletionCommand implements Runnable {
  CompletionCommand() {}

  @Override
  public void run() {
    System.out.print(AutoComplete.bash("vidrio", Main.complete()));
  }
}
